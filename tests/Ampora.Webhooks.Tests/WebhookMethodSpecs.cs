namespace Ampora.Webhooks.Tests;

public sealed class WebhookMethodSpecs
{
    [Fact]
    public void Every_method_is_found_by_its_name() =>
        Assert.All(WebhookMethod.All, method => Assert.Same(method, WebhookMethod.Find(method.Name)));
}
