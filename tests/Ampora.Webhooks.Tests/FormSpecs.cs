using System.Buffers;
using System.Text;

namespace Ampora.Webhooks.Tests;

/// <summary>Bodies that are forms: one field of them is the JSON, decoded once.</summary>
public sealed class FormSpecs
{
    public static TheoryData<string, string?> Forms => new()
    {
        { "payload=%7B%22a%22%3A1%7D", """{"a":1}""" },
        { "payload=%7b%22a%22%3a1%7d", """{"a":1}""" },
        { "payload={\"a\":1}", """{"a":1}""" },
        { "payload=a+b%2Bc", "a b+c" },
        // Decoded once: what was encoded twice stays so.
        { "payload=%2541", "%41" },
        { "payload=%25%32%35", "%25" },
        { "payload=a=b", "a=b" },
        { "payload=%26x=1", "&x=1" },
        { "x=1&payload=a&y=2", "a" },
        { "&&payload=a&&", "a" },
        { "pay%6Coad=a", "a" },
        { "payload=d%C3%A9", "dé" },
        { "payload=%00", "\0" },
        { "payload=", "" },
        { "", null },
        { "payload", null },
        { "payloads=a", null },
        { "Payload=a", null },
        { "xpayload=a", null },
        { " payload=a", null },
        { "payload[]=a", null },
        { "other=payload=a", null },
        { "payload=a&payload=a", null },
        { "payload=a&pay%6Coad=b", null },
        { "payload=%", null },
        { "payload=%4", null },
        { "payload=%zz", null },
        { "payload=%4g", null },
        { "payload=abc%", null },
        { "payload=abc%%%", null },
        { "payload=%%%", null },
        { "payload=a%4%41%", null },
        { "0000000 4b1fede98c870712e8492ff6327d16cc71c3e916 refs/heads/main\n", null },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_payload_of_a_form_is_decoded_once(string form, string? json)
    {
        var bytes = Encoding.UTF8.GetBytes(form);
        for (var size = 1; size <= Math.Max(1, bytes.Length); size++)
        {
            var body = new WebhookBody(size == bytes.Length ? new ReadOnlySequence<byte>(bytes) : Requests.InSegments(bytes, size), Requests.Form);
            Assert.True(body.IsForm);
            Assert.Equal(json is not null, body.TryGetJson(out var decoded));
            Assert.Equal(json ?? "", Encoding.UTF8.GetString(decoded.ToArray()));
            // The same again, and not decoded again.
            Assert.Equal(json is not null, body.TryGetJson(out var again));
            Assert.True(again.Equals(decoded));
        }
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", true)]
    [InlineData("application/x-www-form-urlencoded; charset=utf-8", true)]
    [InlineData("Application/X-WWW-Form-URLencoded", true)]
    [InlineData("application/json", false)]
    [InlineData("text/plain", false)]
    [InlineData("multipart/form-data; boundary=x", false)]
    [InlineData("application/x-www-form-urlencoded-not", false)]
    [InlineData("nonsense", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_form_says_that_it_is_one(string? contentType, bool isForm)
    {
        var body = new WebhookBody(Requests.Bytes("payload=x"), contentType);
        Assert.Equal(isForm, body.IsForm);
        Assert.True(body.TryGetJson(out var json));
        Assert.Equal(isForm ? "x" : "payload=x", Encoding.UTF8.GetString(json.ToArray()));
    }

    [Fact]
    public void An_empty_body_has_no_JSON()
    {
        Assert.False(WebhookBody.Empty.TryGetJson(out _));
        Assert.False(WebhookBody.Empty.IsForm);
        Assert.False(new WebhookBody(ReadOnlySequence<byte>.Empty, "application/json").TryGetJson(out _));
    }

    [Fact]
    public void A_form_of_nothing_but_separators_is_given_up()
    {
        Assert.False(new WebhookBody(Requests.Bytes(new string('&', 1000) + "payload=a"), Requests.Form).TryGetJson(out _));
        Assert.True(new WebhookBody(Requests.Bytes(new string('&', 50) + "payload=a"), Requests.Form).TryGetJson(out _));
    }

    [Fact]
    public void Decoding_takes_no_more_than_what_is_decoded()
    {
        var form = Encoding.UTF8.GetBytes("payload=" + string.Concat(Enumerable.Repeat("%7B", 4_000_000)));
        var body = new WebhookBody(Requests.InSegments(form, 64 * 1024), Requests.Form);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(body.TryGetJson(out var json));
        Assert.Equal(4_000_000, json.Length);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_100_000);
    }
}
