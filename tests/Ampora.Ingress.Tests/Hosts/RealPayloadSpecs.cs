using System.Text;
using Ampora.Database;
using Ampora.TestServers;
using Ampora.Webhooks;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>Every payload that a Git host really sent, by every method that may come with it, at both endpoints, right and wrong.</summary>
public sealed class RealPayloadSpecs(PostgresServer postgres)
{
    private const string Tracked = "tracked";
    private const string Elsewhere = "elsewhere";

    /// <summary>Whose payloads, which method, which sender the headers name, and whether GitLab has a signing token.</summary>
    public static TheoryData<string, string, string, bool> Ways => new()
    {
        { "github", "github", Senders.GitHub, false },
        { "gitlab", "gitlab", Senders.GitLab, false },
        { "gitlab", "gitlab", Senders.GitLab, true },
        { "gitea", "gitea", Senders.Gitea, false },
        { "gitea", "forgejo", Senders.Forgejo, false },
        { "gogs", "gogs", Senders.Gogs, false },
        { "bitbucket-cloud", "bitbucket-cloud", Senders.BitbucketCloud, false },
        { "bitbucket-server", "bitbucket-server", Senders.BitbucketServer, false },
        { "azure-devops", "azure-devops", Senders.AzureDevOps, false },
        { "github", "token", Senders.GitHub, false },
        { "gitlab", "token", Senders.GitLab, false },
        { "bitbucket-server", "token", Senders.BitbucketServer, false },
        { "azure-devops", "token", Senders.AzureDevOps, false },
    };

    [Fact]
    public void Every_payload_has_its_row()
    {
        RealPayloads.SkipWithout();
        Assert.Equal(RealPayloads.Files().Order(StringComparer.Ordinal), RealPayloads.All.Select(p => p.File).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_payload_at_the_sources_own_address_has_the_verdict_that_its_meaning_demands(string folder, string method, string sender, bool signing)
    {
        RealPayloads.SkipWithout();
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var by = WebhookMethod.Find(method)!;
        foreach (var payload in RealPayloads.All.Where(p => p.Folder == folder))
        {
            var secret = await store.AddSourceAsync(Tracked, by, payload.Url, payload.Ref, signing ? SigningKey.Generate() : null);
            await store.AddSourceAsync(Elsewhere, by, payload.Url, "refs/heads/another", secret);
            var sending = Sending.Of(sender, payload.Event, RealPayloads.Read(payload.File));

            var tracked = await sending.Signed(by, secret).ToAsync(ingress, Tracked);
            var elsewhere = await sending.Signed(by, secret).ToAsync(ingress, Elsewhere);
            Expect(payload, payload.Verdict, tracked);
            Expect(payload, payload.Verdict == "accepted" ? "ref_not_tracked" : payload.Verdict, elsewhere);

            var row = Assert.Single(await store.DeliveriesAsync(), d => d.Id == tracked.DeliveryId);
            Assert.Equal((method, "current"), (row.Provider, row.SignedBy));
            Assert.False(string.IsNullOrEmpty(row.Event), payload.File);
            Assert.False(string.IsNullOrEmpty(row.SenderDeliveryId), payload.File);
            Assert.Equal(payload.Verdict == "accepted", !string.IsNullOrEmpty(row.Refs));

            foreach (var (what, wrong) in Wrong(sending, by, secret))
                Assert.True(401 == (await wrong.ToAsync(ingress, Tracked)).Status, $"{payload.File}: {what}");
            await ForgetAsync(store);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_payload_at_the_shared_endpoint_wakes_the_sources_on_its_repository_and_ref(string folder, string method, string sender, bool signing)
    {
        RealPayloads.SkipWithout();
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var by = WebhookMethod.Find(method)!;
        // A delivery that names no repository is verified by an organisation's secret alone.
        foreach (var payload in RealPayloads.All.Where(p => p.Folder == folder && p.Verdict != "ping"))
        {
            var secret = await store.AddSourceAsync(Tracked, by, payload.Url, payload.Ref, signing ? SigningKey.Generate() : null);
            await store.AddSourceAsync(Elsewhere, by, payload.Url, "refs/heads/another", secret);
            await store.AddSourceAsync("stranger", by, "https://git.example/stranger/stranger.git", payload.Ref, secret);
            var sending = Sending.Of(sender, payload.Event, RealPayloads.Read(payload.File));

            var answer = await sending.Signed(by, secret).ToAsync(ingress, null);
            Expect(payload, payload.Verdict, answer);
            string[] woken = payload.Verdict == "accepted" ? [Tracked] : [];
            Assert.Equal(woken, answer.Matched);
            Assert.Equal(woken, await store.WokenAsync());
            var rows = (await store.DeliveriesAsync()).Where(d => d.Id == answer.DeliveryId).ToDictionary(d => d.SourceId, d => d.Reason ?? d.Verdict);
            Assert.Equal(2, rows.Count);
            Assert.Equal((payload.Verdict, payload.Verdict == "accepted" ? "ref_not_tracked" : payload.Verdict), (rows[Tracked], rows[Elsewhere]));

            foreach (var (what, wrong) in Wrong(sending, by, secret))
                Assert.True(401 == (await wrong.ToAsync(ingress, null)).Status, $"{payload.File}: {what}");
            await ForgetAsync(store);
        }
    }

    [Theory]
    [InlineData("github", "github")]
    [InlineData("gitea", "gitea")]
    [InlineData("gitea", "forgejo")]
    [InlineData("gogs", "gogs")]
    public async Task A_payload_in_a_form_is_as_good_as_plain_JSON(string folder, string method)
    {
        RealPayloads.SkipWithout();
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var by = WebhookMethod.Find(method)!;
        foreach (var payload in RealPayloads.All.Where(p => p.Folder == folder && p.Verdict == "accepted"))
        {
            var secret = await store.AddSourceAsync(Tracked, by, payload.Url, payload.Ref);
            await store.AddSourceAsync(Elsewhere, by, payload.Url, "refs/heads/another");
            var json = RealPayloads.Read(payload.File);
            var form = Sending.Of(method, payload.Event, json).AsForm();

            Expect(payload, "accepted", await form.Signed(by, secret, json: json).ToAsync(ingress, Tracked));
            var shared = await form.Signed(by, secret, json: json).ToAsync(ingress, null);
            Expect(payload, "accepted", shared);
            Assert.Equal([Tracked], shared.Matched);
            // GitHub signs the form, the others what is in it; neither is taken for the other.
            if (by == WebhookMethod.GitHub)
                Assert.Equal(401, (await form.With("X-Hub-Signature-256", $"sha256={Hmac(secret, json)}").ToAsync(ingress, Tracked)).Status);
            Assert.Equal(401, (await form.Signed(by, secret + "x", json: json).ToAsync(ingress, Tracked)).Status);
            await ForgetAsync(store);
        }
    }

    private static string Hmac(string secret, byte[] body) =>
        Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    private static IEnumerable<(string What, Sending Wrong)> Wrong(Sending sending, WebhookMethod method, string secret)
    {
        var other = secret.StartsWith(SigningKey.Prefix, StringComparison.Ordinal) ? SigningKey.Generate() : TestStore.Generate(method);
        var signed = sending.Signed(method, secret);
        // What signs nothing but brings its secret is changed there.
        yield return method == WebhookMethod.Token || method == WebhookMethod.AzureDevOps || (method == WebhookMethod.GitLab && !secret.StartsWith(SigningKey.Prefix, StringComparison.Ordinal))
            ? ("one character of the secret changed", sending.Signed(method, secret[..^1] + (secret[^1] == '0' ? '1' : '0')))
            : ("one byte changed", signed.Tampered());
        yield return ("the secret of another source", sending.Signed(method, other));
        yield return ("an empty signature", sending.EmptySigned(method));
        yield return ("no signature", sending);
    }

    private static void Expect(RealPayload payload, string verdict, Answered answer)
    {
        Assert.True(answer.Status == 202, $"{payload.File}: {answer.Status} {answer.Body}");
        Assert.Equal((payload.File, verdict), (payload.File, answer.Verdict == "accepted" ? "accepted" : answer.Reason));
    }

    private static async Task ForgetAsync(TestStore store)
    {
        foreach (var source in new[] { Tracked, Elsewhere, "stranger" })
            await store.DeleteSourceAsync(source);
    }
}
