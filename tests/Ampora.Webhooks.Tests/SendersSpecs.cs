namespace Ampora.Webhooks.Tests;

/// <summary>Who sent it, by headers in their order and else by the body.</summary>
public sealed class SendersSpecs
{
    public static TheoryData<string?, string> Headers => new()
    {
        { "forgejo", "X-Forgejo-Event,X-Gitea-Event,X-Gogs-Event,X-GitHub-Event" },
        { "gitea", "X-Gitea-Event,X-Gogs-Event,X-GitHub-Event" },
        { "gogs", "X-Gogs-Event,X-GitHub-Event" },
        { "gogs", "X-Gogs-Event" },
        { "github", "X-GitHub-Event" },
        { "gitlab", "X-Gitlab-Event" },
        { "gitlab", "X-Gitlab-Event,webhook-signature" },
        { "bitbucket-cloud", "X-Event-Key,X-Hook-UUID" },
        { "bitbucket-cloud", "X-Hook-UUID" },
        { "bitbucket-server", "X-Event-Key" },
        { "aws-sns", "x-amz-sns-message-type" },
        { "standard-webhooks", "webhook-signature" },
        { "github", "x-github-event" },
        { "github", "X-GitHub-Event,X-Gitlab-Event,X-Event-Key,X-Hook-UUID" },
        { null, "X-Ampora-Webhook-Token" },
        { null, "X-Hub-Signature-256" },
        { null, "User-Agent" },
    };

    public static TheoryData<string?, string> Bodies => new()
    {
        { "azure-devops", """{"id":"1","eventType":"git.push","publisherId":"tfs"}""" },
        { "azure-devops", """{"publisherId":null,"x":{"y":[1,2]},"eventType":7}""" },
        { "gerrit", """{"refUpdate":{"refName":"refs/heads/main"},"type":"ref-updated"}""" },
        { null, """{"eventType":"git.push"}""" },
        { null, """{"publisherId":"tfs"}""" },
        { null, """{"type":"ref-updated"}""" },
        { null, """{"x":{"eventType":"git.push","publisherId":"tfs"}}""" },
        { null, """[{"eventType":"git.push","publisherId":"tfs"}]""" },
        { null, """{"type":"ref-updated","refUpdate":{}""" },
        { null, "{}" },
        { null, "null" },
        { null, "" },
        { null, "a0b 0c1 refs/heads/main\n" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Headers_tell_the_sender_in_this_order(string? sender, string headers)
    {
        foreach (var ordered in new[] { headers.Split(','), [.. headers.Split(',').Reverse()] })
        {
            var request = Requests.Headers([.. ordered.Select(header => (header, "x"))]);
            Assert.Equal(sender, Senders.Recognise(request));
            Assert.Equal(sender ?? "token", Senders.Label(request));
        }
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_body_tells_the_sender_where_headers_do_not(string? sender, string body)
    {
        Assert.Equal(sender, Senders.RecogniseBody(Requests.Bytes(body)));
        Assert.Equal(sender, Senders.RecogniseBody(Requests.InSegments(System.Text.Encoding.UTF8.GetBytes(body), 3)));
    }

    [Fact]
    public void The_label_is_one_of_a_few_whatever_came() =>
        Assert.Equal("token", Senders.Label(Requests.Headers(("X-Whatever-Event", "push"), ("webhook-id", "1"))));

    [Fact]
    public void The_event_and_the_delivery_s_id_are_the_recognised_senders()
    {
        var gitea = Requests.Headers(("X-GitHub-Event", "hub"), ("X-Gitea-Event", "tea"), ("X-GitHub-Delivery", "1"), ("X-Gitea-Delivery", "2"), ("X-Request-Id", "3"));
        Assert.Equal("tea", PayloadReader.EventName(gitea));
        Assert.Equal("2", PayloadReader.SenderDeliveryId(gitea));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "a"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Gogs-Event", "push"), ("X-Gogs-Delivery", "a"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Forgejo-Event", "push"), ("X-Forgejo-Delivery", "a"), ("X-Gitea-Delivery", "b"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Gitlab-Event", "Push Hook"), ("Idempotency-Key", "a"), ("X-Gitlab-Event-UUID", "b"))));
        Assert.Equal("b", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Event-UUID", "b"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Hook-UUID", "h"), ("X-Request-UUID", "a"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("X-Event-Key", "repo:refs_changed"), ("X-Request-Id", "a"))));
        Assert.Equal("a", PayloadReader.SenderDeliveryId(Requests.Headers(("webhook-signature", "v1,"), ("webhook-id", "a"))));
        Assert.Null(PayloadReader.SenderDeliveryId(Requests.Headers(("X-Request-Id", "a"))));
        Assert.Null(PayloadReader.EventName(Requests.Headers()));
    }

    [Theory]
    [InlineData("push\r\nX-Injected: 1", "pushX-Injected: 1")]
    [InlineData("\u001b[31mred", "[31mred")]
    [InlineData("\u202egnp", "gnp")]
    [InlineData(" ", null)]
    public void An_event_is_shown_on_one_line(string sent, string? shown) => Assert.Equal(shown, PayloadReader.EventName(Requests.Headers(("X-GitHub-Event", sent))));

    [Theory]
    [InlineData("has a space")]
    [InlineData("line\nbreak")]
    [InlineData("é")]
    [InlineData("")]
    public void An_id_that_is_not_printable_is_none(string id) =>
        Assert.Null(PayloadReader.SenderDeliveryId(Requests.Headers(("X-GitHub-Event", "push"), ("X-GitHub-Delivery", id))));

    [Fact]
    public void An_id_has_at_most_200_characters()
    {
        Assert.NotNull(PayloadReader.SenderDeliveryId(Requests.Headers(("X-GitHub-Event", "push"), ("X-GitHub-Delivery", new string('x', 200)))));
        Assert.Null(PayloadReader.SenderDeliveryId(Requests.Headers(("X-GitHub-Event", "push"), ("X-GitHub-Delivery", new string('x', 201)))));
        Assert.Equal(100, PayloadReader.EventName(Requests.Headers(("X-GitHub-Event", new string('x', 200))))!.Length);
    }
}
