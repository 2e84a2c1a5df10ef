using System.Text;
using System.Text.Json;
using Ampora.Database;
using Ampora.TestServers;
using Ampora.Webhooks;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>One hook for a whole organisation.</summary>
public sealed class SharedSpecs(PostgresServer postgres)
{
    private static readonly WebhookMethod GitHub = WebhookMethod.GitHub;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_organisations_hook_over_300_sources_wakes_exactly_those_on_the_repository_and_ref(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var secret = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        string[] refs = ["main", "HEAD", "refs/heads/main", "release", "refs/tags/v1.*"];
        string[] forms = ["https://github.com/Acme/Repo{0}.git", "git@github.com:acme/repo{0}.git", "ssh://git@ssh.github.com:443/acme/repo{0}"];
        // 20 repositories, 15 sources on each.
        await store.AddSourcesAsync(Enumerable.Range(0, 300).Select(i =>
            ($"s{i:000}", string.Format(System.Globalization.CultureInfo.InvariantCulture, forms[i % 3], i / 15), refs[i % 5])));
        await store.AddSourcesAsync([("other-host", "https://github.example/acme/repo7.git", "main"), ("longer", "https://github.com/acme/repo7.git.git/x", "main"), ("under", "https://github.com/x/acme/repo7.git", "main")]);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var answer = await Push("acme/repo7").Signed(GitHub, secret).ToAsync(ingress, null);

        string[] expected = [.. Enumerable.Range(0, 300).Where(i => i / 15 == 7 && i % 5 < 3).Select(i => $"s{i:000}")];
        Assert.Equal(9, expected.Length);
        Assert.Equal((202, "accepted", null, null), (answer.Status, answer.Verdict, answer.Reason, answer.Detail));
        Assert.Equal(["deliveryId", "verdict", "matched", "reason"], answer.Body.EnumerateObject().Select(p => p.Name));
        Assert.Equal(expected, answer.Matched);
        Assert.Equal(expected, await store.WokenAsync());
        var rows = await store.DeliveriesAsync();
        Assert.Equal(15, rows.Count);
        Assert.All(rows, r => Assert.Equal((answer.DeliveryId, "github", "acme", "current"), (r.Id, r.Provider, r.SecretName, r.SignedBy)));
        Assert.Equal(6, rows.Count(r => (r.Verdict, r.Reason) == ("ignored", "ref_not_tracked")));
        Assert.Empty(await store.TurnedAwayAsync());
        await Eventually.HoldsAsync(() => ingress.Received.Wakeups.Select(w => w.Message.SourceId).ToHashSet().SetEquals(expected), "each of them is announced");
    }

    [Fact]
    public async Task A_sources_own_secret_wakes_those_alone_that_have_it()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        const string url = "https://github.com/acme/fleet.git";
        var secret = await store.AddSourceAsync("mine", GitHub, url);
        await store.AddSourceAsync("alike", GitHub, url, secret: secret);
        await store.AddSourceAsync("theirs", GitHub, url);
        await store.AddSourceAsync("elsewhere", GitHub, "https://github.com/acme/other.git", secret: secret);
        await store.AddSourceAsync("by-token", WebhookMethod.Token, url, secret: secret);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var answer = await Push("acme/fleet").Signed(GitHub, secret).ToAsync(ingress, null);

        Assert.Equal(["alike", "mine"], answer.Matched);
        Assert.Equal(["alike", "mine"], await store.WokenAsync());
        Assert.Equal(2, (await store.DeliveriesAsync()).Count);
    }

    [Fact]
    public async Task An_organisations_secret_counts_for_its_own_host_and_prefix_by_whole_segments()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var acme = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        var gitea = await store.AddSharedSecretAsync("gitea", WebhookMethod.Gitea, "github.com/acme/");
        foreach (var (id, repository) in new[] { ("inside", "acme/fleet"), ("longer", "acme-evil/fleet"), ("above", "acme"), ("beside", "x/acme") })
            await store.AddSourceAsync(id, GitHub, $"https://github.com/{repository}.git", withSecret: false);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        Assert.Equal(["inside"], (await Push("acme/fleet").Signed(GitHub, acme).ToAsync(ingress, null)).Matched);
        // Another prefix, another Git host's secret, and no prefix at all.
        foreach (var repository in new[] { "acme-evil/fleet", "acme", "x/acme" })
            Assert.Equal(401, (await Push(repository).Signed(GitHub, acme).ToAsync(ingress, null)).Status);
        Assert.Equal(401, (await Push("acme/fleet").Signed(GitHub, gitea).ToAsync(ingress, null)).Status);

        // Whoever may speak for one repository gains nothing by naming another beside it.
        var two = Sending.Of("github", "push", new { @ref = "refs/heads/main", repository = new { clone_url = "https://github.com/acme/fleet.git", ssh_url = "git@github.com:acme-evil/fleet.git" } });
        Assert.Equal(["inside"], (await two.Signed(GitHub, acme).ToAsync(ingress, null)).Matched);
        Assert.Equal(["inside"], await store.WokenAsync());
    }

    [Fact]
    public async Task At_most_eight_distinct_secrets_are_tried_and_the_operator_is_told()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secrets = new Dictionary<string, string>();
        for (var i = 0; i < 12; i++)
            secrets[$"s{i:00}"] = await store.AddSourceAsync($"s{i:00}", GitHub, "https://github.com/acme/fleet.git");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var statuses = new List<int>();
        foreach (var (_, secret) in secrets)
            statuses.Add((await Push("acme/fleet").Signed(GitHub, secret).ToAsync(ingress, null)).Status);

        Assert.Equal([.. Enumerable.Repeat(202, 8), .. Enumerable.Repeat(401, 4)], statuses);
        await Eventually.HoldsAsync(
            async () => (await store.TurnedAwayAsync()).Any(t => t.Detail?.Contains("8 distinct", StringComparison.Ordinal) == true && t.Repository == "github.com/acme/fleet"), "the ledger says so");
        // An organisation's secret is tried before them.
        var shared = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        Assert.Equal(12, (await Push("acme/fleet").Signed(GitHub, shared).ToAsync(ingress, null)).Matched.Length);
    }

    [Fact]
    public async Task What_woke_nothing_says_why_and_only_to_a_verified_sender()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var secret = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git", withSecret: false);
        await store.AddSourceAsync("asleep", GitHub, "https://github.com/acme/asleep.git", withSecret: false, paused: true);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        async Task<Answered> SendAsync(Sending sending) => await sending.Signed(GitHub, secret).ToAsync(ingress, null);
        (Sending Sending, string Reason, string Says)[] cases =
        [
            (Push("acme/nothing"), "nothing_matched", "github.com/acme/nothing"),
            (Push("acme/fleet", "refs/heads/another"), "ref_not_tracked", "main"),
            (Push("acme/asleep"), "source_paused", "asleep"),
            (Sending.Of("github", "issues", new { action = "opened", repository = new { clone_url = "https://github.com/acme/fleet.git" } }), "event_not_relevant", "no ref"),
            (Sending.Of("github", "ping", new { zen = "Design for failure.", hook = new { type = "Organization" }, organization = new { login = "acme" } }), "ping", "right"),
            (Sending.Of("github", "ping", new { zen = "Design for failure.", repository = new { clone_url = "https://github.com/acme/fleet.git" } }), "ping", "right"),
        ];

        foreach (var (sending, reason, says) in cases)
        {
            var answer = await SendAsync(sending);
            Assert.Equal((202, "ignored", reason), (answer.Status, answer.Verdict, answer.Reason));
            Assert.Empty(answer.Matched);
            Assert.Contains(says, answer.Detail, StringComparison.Ordinal);
            // On record before it is answered: in the ledger of a source, or among what was turned away.
            Assert.Contains(answer.DeliveryId, (await store.DeliveriesAsync()).Select(d => d.Id).Concat((await store.TurnedAwayAsync()).Where(t => t.Verdict == "ignored").Select(t => t.Id)));
            Assert.Equal(401, (await sending.Signed(GitHub, secret + "x").ToAsync(ingress, null)).Status);
        }

        Assert.Empty(await store.WokenAsync());
        var nothing = Assert.Single(await store.TurnedAwayAsync(), t => t.Reason == "nothing_matched");
        Assert.Equal((null, "ignored", "github", "push", "github.com/acme/nothing", "refs/heads/main", 1),
            (nothing.SourceId, nothing.Verdict, nothing.Provider, nothing.Event, nothing.Repository, nothing.Refs, nothing.Count));
    }

    [Fact]
    public async Task Every_byte_that_is_changed_on_the_way_makes_it_a_refusal()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git", withSecret: false);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var json = new Sending("""{"ref":"refs/heads/main","x":[true,1],"repository":{"clone_url":"https://github.com/acme/fleet.git"}}"""u8.ToArray())
            .With("X-GitHub-Event", "push");

        foreach (var whole in new[] { json, json.AsForm() })
        {
            Assert.Equal(["fleet"], (await whole.Signed(GitHub, secret).ToAsync(ingress, null)).Matched);
            for (var i = 0; i < whole.Body.Length; i++)
            {
                var signed = whole.Signed(GitHub, secret);
                var changed = (byte[])signed.Body.Clone();
                changed[i] ^= 1;
                Assert.Equal((i, 401), (i, (await (signed with { Body = changed }).ToAsync(ingress, null)).Status));
            }
        }

        Assert.Equal(2, (await store.DeliveriesAsync()).Count);
    }

    [Fact]
    public async Task Who_brings_nothing_to_verify_is_refused_before_a_byte_of_its_body()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        foreach (var head in new[] { "X-GitHub-Event: push", "X-Gitlab-Event: Push Hook", "X-Event-Key: diagnostics:ping", "X-Gitea-Event: push\r\nX-Gitea-Signature:", "x-amz-sns-message-type: Notification", "X: y" })
        {
            var answer = await ingress.SendRawAsync($"POST /api/git/webhook HTTP/1.1\r\nHost: x\r\n{head}\r\nTransfer-Encoding: chunked\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        }

        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Count == 6, "the ledger says what was missing");
        Assert.Equal(
            [("aws-sns", "provider_not_supported"), ("bitbucket-server", "ping_unsigned"), ("gitea", "signature_empty"), ("github", "signature_missing"), ("gitlab", "token_missing"), ("token", "provider_unknown")],
            (await store.TurnedAwayAsync()).Select(t => (t.Provider, t.Reason)).Order());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_organisations_secret_is_rotated_with_proof_too(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var first = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git", withSecret: false);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        async Task<int> StatusAsync(string secret) => (await Push("acme/fleet").Signed(GitHub, secret).ToAsync(ingress, null)).Status;

        var second = await store.RotateSharedAsync("acme", TimeSpan.FromMinutes(5));
        Assert.Equal((202, 202), (await StatusAsync(first), await StatusAsync(second)));
        Assert.Equal(["previous", "current"], (await store.DeliveriesAsync()).Select(d => d.SignedBy));
        var third = await store.RotateSharedAsync("acme", TimeSpan.Zero);
        Assert.Equal((401, 401, 202), (await StatusAsync(first), await StatusAsync(second), await StatusAsync(third)));
        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Any(t => t.Reason == "secret_rotated"), "the ledger says that the old one still comes");
    }

    [Fact]
    public async Task A_Bitbucket_Server_that_names_no_host_is_found_by_project_and_slug()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var server = WebhookMethod.BitbucketServer;
        var mine = await store.AddSourceAsync("mine", server, "ssh://git@git.acme.example:7999/prj/fleet.git");
        var theirs = await store.AddSourceAsync("theirs", server, "https://git.other.example/scm/prj/fleet.git");
        await store.AddSourceAsync("longer", server, "https://git.acme.example/scm/xprj/fleet.git", secret: mine);
        var shared = await store.AddSharedSecretAsync("acme", server, "git.acme.example/");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var push = Sending.Of("bitbucket-server", "repo:refs_changed", new
        {
            repository = new { slug = "fleet", project = new { key = "PRJ" } },
            changes = new[] { new { refId = "refs/heads/main", toHash = MethodSpecs.Sha, type = "UPDATE", @ref = new { id = "refs/heads/main", type = "BRANCH" } } },
        });

        Assert.Equal(["mine"], (await push.Signed(server, mine).ToAsync(ingress, null)).Matched);
        Assert.Equal(["theirs"], (await push.Signed(server, theirs).ToAsync(ingress, null)).Matched);
        Assert.Equal(["mine"], (await push.Signed(server, shared).ToAsync(ingress, null)).Matched);
    }

    [Fact]
    public async Task Secrets_from_the_configuration_count_and_win_over_those_of_the_same_name()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var stored = await store.AddSharedSecretAsync("acme", GitHub, "github.com/acme/");
        await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git", withSecret: false);
        const string configured = "a secret from elsewhere";
        await using var ingress = await TestIngress.StartAsync(
            store.ConnectionString,
            settings: [("Ampora:Webhooks:Secrets:acme:Provider", "github"), ("Ampora:Webhooks:Secrets:acme:Prefix", "https://github.com/Acme"), ("Ampora:Webhooks:Secrets:acme:Secret", configured)]);

        Assert.Equal(["fleet"], (await Push("acme/fleet").Signed(GitHub, configured).ToAsync(ingress, null)).Matched);
        Assert.Equal(401, (await Push("acme/fleet").Signed(GitHub, stored).ToAsync(ingress, null)).Status);
        Assert.Equal(401, (await Push("other/fleet").Signed(GitHub, configured).ToAsync(ingress, null)).Status);
        Assert.Equal("acme", Assert.Single(await store.DeliveriesAsync()).SecretName);
    }

    [Fact]
    public async Task Bad_secrets_in_the_configuration_stop_the_start_with_all_of_them_named()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var e = await Assert.ThrowsAnyAsync<Exception>(() => TestIngress.StartAsync(
            store.ConnectionString,
            settings:
            [
                ("Ampora:Webhooks:Secrets:a:Provider", "hubgit"), ("Ampora:Webhooks:Secrets:a:Prefix", "*"), ("Ampora:Webhooks:Secrets:a:Secret", "hunter2"),
                ("Ampora:Webhooks:Secrets:b:Provider", "github"), ("Ampora:Webhooks:Secrets:b:Prefix", "github.com/acme/"), ("Ampora:Webhooks:Secrets:b:Secret", "hunter2 "),
                ("Ampora:Webhooks:Secrets:c:Provider", "token"), ("Ampora:Webhooks:Secrets:c:Secret", "sixteen characters"),
            ]));

        foreach (var name in new[] { "a__Provider", "a__Prefix", "b__Secret", "c__Provider", "c__Prefix" })
            Assert.Contains($"Ampora__Webhooks__Secrets__{name}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_under_another_master_key_is_answered_503_and_named_in_the_log()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", GitHub, "https://github.com/acme/fleet.git");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, settings: ("AMPORA_MASTER_KEY", Convert.ToBase64String(Encoding.ASCII.GetBytes(new string('k', 32)))));

        Assert.Equal(503, (await Push("acme/fleet").Signed(GitHub, secret).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(503, (await Push("acme/fleet").Signed(GitHub, secret).ToAsync(ingress, null)).Status);
        Assert.Equal(1, ingress.Logs.Count(Microsoft.Extensions.Logging.LogLevel.Error, "cannot be decrypted"));
    }

    private static Sending Push(string repository, string gitRef = "refs/heads/main") =>
        Sending.Of("github", "push", JsonSerializer.SerializeToUtf8Bytes(new
        {
            @ref = gitRef,
            after = MethodSpecs.Sha,
            repository = new { clone_url = $"https://github.com/{repository}.git", default_branch = "main" },
        }));
}
