using System.Buffers;
using System.Text;
using Microsoft.Extensions.Primitives;
using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>How much is computed to verify a request: as much for whoever it is, and no more than there are distinct secrets.</summary>
public sealed class WorkSpecs
{
    public static TheoryData<string, string> Requested => new()
    {
        { "X-Hub-Signature-256", "sha256=" + new string('a', 64) },
        { "X-Hub-Signature", "sha256=" + new string('a', 64) },
        { "X-Gitea-Signature", new string('a', 64) },
        { "X-Gogs-Signature", new string('a', 64) },
        { "webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
    };

    [Theory]
    [MemberData(nameof(Requested))]
    public void The_body_is_hashed_twice_whether_a_source_has_two_secrets_or_one_or_does_not_exist(string header, string value)
    {
        Assert.Equal(2, Hashed([], (header, value)));
        foreach (var method in WebhookMethod.All)
        {
            var current = WebhookSecret.Of(method, SigningSecret, null);
            Assert.Equal(2, Hashed([current], (header, value)));
            Assert.Equal(2, Hashed([current, WebhookSecret.Of(method, OtherSigningSecret, null)], (header, value)));
            Assert.Equal(2, Hashed([current, WebhookSecret.Of(WebhookMethod.Token, Other, null)], (header, value)));
            Assert.Equal(2, Hashed([current, current], (header, value)));
        }
    }

    [Fact]
    public void Each_distinct_secret_is_hashed_once_and_at_most_eight_are()
    {
        Assert.Equal(5, Hashed([.. Enumerable.Range(0, 20).Select(number => Numbered(number % 5))], ("X-Hub-Signature-256", "sha256=" + new string('a', 64))));
        Assert.Equal(8, Hashed([.. Enumerable.Range(0, 20).Select(Numbered)], ("X-Hub-Signature-256", "sha256=" + new string('a', 64))));

        static WebhookSecret Numbered(int number) => WebhookSecret.Of(WebhookMethod.GitHub, $"secret number {number} of many", null);
    }

    [Fact]
    public void The_body_is_not_touched_for_what_signs_nothing()
    {
        foreach (var method in WebhookMethod.All)
        {
            var secret = WebhookSecret.Of(method, SigningSecret, null);
            Assert.Equal(0, Hashed([secret], ("X-Ampora-Webhook-Token", SigningSecret)));
            Assert.Equal(0, Hashed([secret], ("X-Gitlab-Token", SigningSecret)));
            Assert.Equal(0, Hashed([secret], ("Authorization", Requests.Basic("anyone", SigningSecret))));
            Assert.Equal(0, Hashed([secret], ("X-Hub-Signature", "sha1=" + new string('a', 40))));
            Assert.Equal(0, Hashed([secret], ("X-Gitea-Signature", "")));
        }
    }

    [Fact]
    public void Verifying_25_MB_copies_nothing()
    {
        var body = new WebhookBody(Requests.InSegments(new byte[25_000_000], 64 * 1024), "application/json");
        var presented = PresentedCredentials.Of(Requests.Headers(("X-Hub-Signature-256", "sha256=" + new string('a', 64)), ("X-Gitea-Signature", new string('a', 64))), default);
        WebhookSecret[] secrets = [WebhookSecret.Of(WebhookMethod.GitHub, Secret, null), WebhookSecret.Of(WebhookMethod.Gitea, Other, null)];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(WebhookVerification.Verify(presented, body, secrets, Now).Secret);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    private static int Hashed(WebhookSecret[] secrets, (string, string) header)
    {
        using var memory = new CountedMemory(Encoding.UTF8.GetBytes(Body));
        var presented = PresentedCredentials.Of(Requests.Headers(header, ("webhook-id", "1"), ("webhook-timestamp", "1614265330")), StringValues.Empty);
        WebhookVerification.Verify(presented, new WebhookBody(new ReadOnlySequence<byte>(memory.Memory), "application/json"), secrets, Now);
        return memory.Reads;
    }

    /// <summary>Bytes that count how often they are read.</summary>
    private sealed class CountedMemory(byte[] bytes) : MemoryManager<byte>
    {
        public int Reads { get; private set; }

        public override Memory<byte> Memory => CreateMemory(bytes.Length);

        public override Span<byte> GetSpan()
        {
            Reads++;
            return bytes;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
