using System.Text;
using Ampora.Database;
using Ampora.Ingress.Bodies;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>What others' webhooks were hurt by. CVE-2025-55315 (request smuggling) is tested where requests come in, at the gateway.</summary>
public sealed class AdvisorySpecs(PostgresServer postgres)
{
    private const string Url = "https://git.example/acme/fleet.git";

    [Theory]
    [InlineData("/fleet")]
    [InlineData("/nobody")]
    [InlineData("")]
    public async Task CVE_2024_40634_and_CVE_2026_42294_an_unbounded_body_before_authentication(string path)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var budget = ingress.Services.GetRequiredService<BodyBudget>();
        var head = $"POST /api/git/webhook{path} HTTP/1.1\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: sha256={new string('0', 64)}";

        await using (var endless = Tests.Bodies.EndlessBodies.Start(ingress.Address, Enumerable.Repeat(head, 10)))
        {
            await Eventually.HoldsAsync(
                () =>
                {
                    Assert.InRange(budget.HeldBytes, 0, BodyBudget.MaxBytes);
                    return endless.Statuses.Count >= 20;
                },
                "they are turned away");
            Assert.All(endless.Statuses, s => Assert.Contains(s, new[] { "413", "503" }));
        }

        await Eventually.HoldsAsync(() => budget.HeldBytes == 0, "nothing of them is kept");
    }

    public static TheoryData<string, string, string, string> Crashing => new()
    {
        // Advisory, Git host, event, payload.
        { "CVE-2025-59537", "gogs", "push", """{"ref":"refs/heads/main","commits":[{"id":"a","added":null,"removed":null,"modified":null},null,5],"repository":{"clone_url":"https://git.example/acme/fleet.git"}}""" },
        { "CVE-2025-59537", "gogs", "push", """{"ref":"refs/heads/main","commits":null,"repository":null,"repo":null}""" },
        { "CVE-2025-59538", "azure-devops", "", """{"eventType":"git.push","publisherId":"tfs","resource":{"refUpdates":[],"repository":{"remoteUrl":"https://git.example/acme/fleet.git"}}}""" },
        { "CVE-2025-59538", "azure-devops", "", """{"eventType":"git.push","publisherId":"tfs","resource":null}""" },
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":{"links":{"clone":"boom"}},"changes":[]}""" },
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":{"links":{"clone":[null,5,{"href":{}}]}},"changes":"boom"}""" },
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":null,"changes":null}""" },
    };

    [Theory]
    [MemberData(nameof(Crashing))]
    public async Task A_payload_that_crashed_others_servers_crashes_nothing(string advisory, string host, string eventName, string payload)
    {
        Assert.StartsWith("CVE-", advisory, StringComparison.Ordinal);
        var method = WebhookMethod.Find(host)!;
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", method, Url);
        var shared = await store.AddSharedSecretAsync("acme", method, "git.example/");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var sending = Sending.Of(host, eventName.Length == 0 ? null : eventName, Encoding.UTF8.GetBytes(payload));

        Assert.Equal(202, (await sending.Signed(method, secret).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(202, (await sending.Signed(method, shared).ToAsync(ingress, null)).Status);
        Assert.Equal(401, (await sending.ToAsync(ingress, "fleet")).Status);
        Assert.Equal(401, (await sending.ToAsync(ingress, null)).Status);
        Assert.Equal(202, (await MethodSpecs.Push(host).Signed(method, secret).ToAsync(ingress, "fleet")).Status);
    }

    [Fact]
    public async Task CVE_2022_36882_nobody_wakes_a_source_without_its_secret()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        // Knowing the repository's address is enough for nothing, in the body or in the query.
        foreach (var path in new[] { $"?url={Uri.EscapeDataString(Url)}", $"?url={Uri.EscapeDataString(Url)}&branches=main", $"/fleet?url={Uri.EscapeDataString(Url)}&sha1={MethodSpecs.Sha}" })
            Assert.StartsWith("HTTP/1.1 401 ", await ingress.SendRawAsync($"POST /api/git/webhook{path} HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nContent-Length: 0\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal(401, (await MethodSpecs.Push("github").ToAsync(ingress, null)).Status);
        Assert.Empty(await store.WokenAsync());
    }

    [Fact]
    public async Task CVE_2022_36883_a_payload_chooses_no_commit_and_no_address()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var evil = MethodSpecs.Push("github", "https://evil.example/acme/fleet.git");

        Assert.Equal("accepted", (await evil.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Verdict);

        // It woke the source, which reads the tip of its own repository; what was announced says only how long it waits for that.
        await Eventually.HoldsAsync(() => ingress.Received.Wakeups.Any(w => w.Message.SourceId == "fleet"), "the wake-up is published");
        Assert.DoesNotContain("evil", System.Text.Json.JsonSerializer.Serialize(ingress.Received.Wakeups.Select(w => w.Message)), StringComparison.Ordinal);
        await using var context = store.Database.Read();
        Assert.Equal([Url], context.Sources.Select(s => s.Url).ToList());
        Assert.Null((await store.WakeupAsync("fleet")).TipSha);
        // At the shared endpoint, another repository is another one.
        Assert.Equal(401, (await evil.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null)).Status);
    }

    [Fact]
    public void CVE_2022_36885_secrets_and_signatures_are_compared_in_constant_time()
    {
        // What compares is banned elsewhere; here, that nothing of the endpoints compares by itself.
        var folder = Path.GetFullPath(Path.Combine(Here(), "../../../services/Ampora.Ingress/Webhooks"));
        Assert.SkipUnless(Directory.Exists(folder), "the source is not there");
        foreach (var file in Directory.EnumerateFiles(folder, "*.cs"))
            Assert.DoesNotContain("SequenceEqual", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CVE_2026_31816_a_repository_is_matched_as_a_whole_and_not_anywhere_in_a_path()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var secret = await store.AddSharedSecretAsync("all", WebhookMethod.GitHub, "git.example/");
        foreach (var (id, url) in new[] { ("fleet", Url), ("longer", "https://git.example/acme/fleet-evil.git"), ("deeper", "https://git.example/acme/fleet/more.git"), ("before", "https://git.example/x/acme/fleet.git"), ("host", "https://git.example.evil/acme/fleet.git") })
            await store.AddSourceAsync(id, WebhookMethod.GitHub, url, withSecret: false);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        foreach (var (repository, matched) in new (string, string[])[]
        {
            (Url, ["fleet"]), ("https://git.example/acme/fleet", ["fleet"]), ("ssh://git@git.example:2222/acme/fleet.git", ["fleet"]), ("git@git.example:/Acme/Fleet.git", ["fleet"]),
            ("https://git.example/acme/fleet-evil", ["longer"]), ("https://git.example/x/acme/fleet", ["before"]), ("https://git.example/acme", []), ("https://git.example/acme/fleet/more/x", []),
            ("https://git.example/acme/.*", []), ("https://git.example/acme/%25", []), ("https://git.example/acme/_____", []),
        })
        {
            var answer = await MethodSpecs.Push("github", repository).Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null);
            Assert.Equal((repository, 202, string.Join(' ', matched)), (repository, answer.Status, string.Join(' ', answer.Matched)));
        }
    }

    private static string Here([System.Runtime.CompilerServices.CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
