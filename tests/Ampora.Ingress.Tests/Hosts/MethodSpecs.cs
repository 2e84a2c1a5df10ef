using Ampora.Database;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>Every method, and every change from one secret to the next.</summary>
public sealed class MethodSpecs(PostgresServer postgres)
{
    private const string Repository = "https://git.example/acme/fleet.git";

    /// <summary>Every method; GitLab with both kinds of its secrets.</summary>
    public static TheoryData<string, bool> Methods => new(
        WebhookMethod.All.Select(m => (m.Name, m == WebhookMethod.StandardWebhooks)).Append((WebhookMethod.GitLab.Name, true)));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_rotation_without_an_overlap_counts_at_once_and_one_with_it_lets_both_in_until_its_end(string name, bool signing)
    {
        var method = WebhookMethod.Find(name)!;
        string? Next() => signing ? SigningKey.Generate() : null;
        await using var store = await TestStore.CreateAsync(postgres, name.Length % 2 == 0 ? DatabaseDialect.Postgres : DatabaseDialect.Sqlite);
        var first = await store.AddSourceAsync("fleet", method, Repository, secret: Next());
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        await using var replica = await TestIngress.StartAsync(store.ConnectionString);
        async Task ExpectAsync(int status, string secret, string? signedBy = null)
        {
            foreach (var (one, source) in new[] { (ingress, "fleet"), (replica, "fleet"), (ingress, null), (replica, null) })
            {
                var answer = await Push(name).Signed(method, secret).ToAsync(one, source);
                Assert.Equal((status, source), (answer.Status, source));
                if (signedBy is not null)
                    Assert.Equal(signedBy, (await store.DeliveriesAsync()).Single(d => d.Id == answer.DeliveryId).SignedBy);
            }
        }

        await ExpectAsync(202, first, "current");
        var second = await store.RotateAsync("fleet", TimeSpan.Zero, method, Next());
        await ExpectAsync(401, first);
        await ExpectAsync(202, second, "current");
        var third = await store.RotateAsync("fleet", TimeSpan.FromMinutes(5), method, Next());
        await ExpectAsync(401, first);
        await ExpectAsync(202, second, "previous");
        await ExpectAsync(202, third, "current");
        await store.EndOverlapAsync("fleet");
        await ExpectAsync(401, second);
        await ExpectAsync(202, third, "current");
        await store.RevokeAsync("fleet");
        await ExpectAsync(401, third);

        await Eventually.HoldsAsync(
            async () =>
            {
                var reasons = (await store.TurnedAwayAsync()).Where(t => t.SourceId == "fleet").Select(t => t.Reason).ToHashSet();
                return reasons.Contains("secret_rotated") && reasons.Contains("secret_not_set");
            },
            "the ledger says that the old secret still comes, and then that there is none");
    }

    [Fact]
    public async Task A_change_of_method_overlaps_like_any_rotation()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet", WebhookMethod.Token, Repository);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var secret = await store.RotateAsync("fleet", TimeSpan.FromMinutes(5), WebhookMethod.GitHub);
        Assert.Equal(202, (await Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(202, (await Push("github").Signed(WebhookMethod.Token, token).ToAsync(ingress, "fleet")).Status);
        // Neither may come as the other.
        Assert.Equal(401, (await Push("github").Signed(WebhookMethod.Token, secret).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(401, (await Push("github").Signed(WebhookMethod.GitHub, token).ToAsync(ingress, "fleet")).Status);
        Assert.Equal([("github", "current"), ("token", "previous")], (await store.DeliveriesAsync()).Select(d => (d.Provider, d.SignedBy!)));

        await store.EndOverlapAsync("fleet");
        Assert.Equal(401, (await Push("github").Signed(WebhookMethod.Token, token).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(202, (await Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status);
    }

    [Fact]
    public async Task GitLab_moves_from_its_token_to_its_signing_token_while_both_come()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var plain = await store.AddSourceAsync("fleet", WebhookMethod.GitLab, Repository);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var signing = await store.RotateAsync("fleet", TimeSpan.FromMinutes(5), WebhookMethod.GitLab, SigningKey.Generate());
        var gitlab = WebhookMethod.GitLab;

        foreach (var source in new[] { "fleet", null })
        {
            Assert.Equal(202, (await Push("gitlab").Signed(gitlab, plain).ToAsync(ingress, source)).Status);
            Assert.Equal(202, (await Push("gitlab").Signed(gitlab, signing).ToAsync(ingress, source)).Status);
            Assert.Equal(202, (await Push("gitlab").Signed(gitlab, plain).Signed(gitlab, signing).ToAsync(ingress, source)).Status);
            // Each secret looks at its own header, so a wrong other one spoils nothing.
            Assert.Equal(202, (await Push("gitlab").Signed(gitlab, "another token").Signed(gitlab, signing).ToAsync(ingress, source)).Status);
            Assert.Equal(401, (await Push("gitlab").Signed(gitlab, "another token").Signed(gitlab, SigningKey.Generate()).ToAsync(ingress, source)).Status);
        }

        await store.EndOverlapAsync("fleet");
        Assert.Equal(401, (await Push("gitlab").Signed(gitlab, plain).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(202, (await Push("gitlab").Signed(gitlab, plain).Signed(gitlab, signing).ToAsync(ingress, "fleet")).Status);
    }

    [Theory]
    [InlineData("azure-devops")]
    [InlineData("bitbucket-server")]
    public async Task A_password_comes_with_the_user_name_that_was_set_or_any_where_none_was(string name)
    {
        var method = WebhookMethod.Find(name)!;
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var anyone = await store.AddSourceAsync("anyone", method, Repository);
        var named = await store.AddSourceAsync("named", method, Repository, username: "ampora");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        Sending Basic(string secret, string user) => Push(name).Signed(WebhookMethod.AzureDevOps, secret, user);

        Assert.Equal(202, (await Basic(anyone, "x").ToAsync(ingress, "anyone")).Status);
        Assert.Equal(202, (await Basic(anyone, "").ToAsync(ingress, "anyone")).Status);
        Assert.Equal(202, (await Basic(named, "ampora").ToAsync(ingress, "named")).Status);
        Assert.Equal(401, (await Basic(named, "Ampora").ToAsync(ingress, "named")).Status);
        Assert.Equal(401, (await Basic(named, "").ToAsync(ingress, "named")).Status);
        Assert.Equal(401, (await Basic(named + "x", "ampora").ToAsync(ingress, "named")).Status);
        Assert.Equal(401, (await Basic("", "ampora").ToAsync(ingress, "named")).Status);
    }

    [Fact]
    public async Task A_delivery_that_is_sent_again_is_accepted_and_marked()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Repository);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var push = Push("github").Signed(WebhookMethod.GitHub, secret);

        var first = await push.ToAsync(ingress, "fleet");
        var second = await push.ToAsync(ingress, "fleet");
        var shared = await push.ToAsync(ingress, null);
        var another = await Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet");

        Assert.All(new[] { first, second, shared, another }, a => Assert.Equal("accepted", a.Verdict));
        var rows = (await store.DeliveriesAsync()).ToDictionary(d => d.Id, d => d.ReplayOf);
        Assert.Equal([null, first.DeliveryId, second.DeliveryId, null], new[] { first, second, shared, another }.Select(a => rows[a.DeliveryId]));
    }

    [Fact]
    public async Task What_a_delivery_announced_and_which_secret_verified_it_is_on_record()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Repository);
        var shared = await store.AddSharedSecretAsync("acme", WebhookMethod.GitHub, "git.example/acme/");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var own = await Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet");
        var organisations = await Push("github").Signed(WebhookMethod.GitHub, shared).ToAsync(ingress, null);

        var rows = (await store.DeliveriesAsync()).ToDictionary(d => d.Id);
        Assert.Equal((null, "acme"), (rows[own.DeliveryId].SecretName, rows[organisations.DeliveryId].SecretName));
        Assert.All(rows.Values, r => Assert.Equal((Sha, "push", "refs/heads/main"), (r.AnnouncedSha, r.Event, r.Refs)));
        await using var context = store.Database.Read();
        Assert.NotNull((await context.WebhookSecrets.AsNoTracking().SingleAsync(Cancellation)).UsedAt);
        Assert.NotNull((await context.SharedWebhookSecrets.AsNoTracking().SingleAsync(Cancellation)).UsedAt);
        Assert.Equal(Sha, (await store.WakeupAsync("fleet")).ExpectedSha);
    }

    [Theory]
    [InlineData(-301)]
    [InlineData(301)]
    public async Task A_signature_with_a_time_counts_only_around_it(int seconds)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.StandardWebhooks, Repository);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var now = TimeProvider.System.GetUtcNow();

        // A second on either side for the way.
        Assert.Equal(401, (await Push("standard-webhooks").Signed(WebhookMethod.StandardWebhooks, secret, at: now.AddSeconds(seconds * 1.02)).ToAsync(ingress, "fleet")).Status);
        Assert.Equal(202, (await Push("standard-webhooks").Signed(WebhookMethod.StandardWebhooks, secret, at: now.AddSeconds(seconds * 0.9)).ToAsync(ingress, "fleet")).Status);
    }

    internal const string Sha = "0123456789abcdef0123456789abcdef01234567";

    /// <summary>A push to the repository's main branch, as this method's Git host sends it.</summary>
    internal static Sending Push(string method, string repository = Repository, string gitRef = "refs/heads/main") => method switch
    {
        "gitlab" => Sending.Of(method, "Push Hook", new { object_kind = "push", @ref = gitRef, after = Sha, checkout_sha = Sha, project = new { git_http_url = repository } }),
        "bitbucket-cloud" => Sending.Of(method, "repo:push", new
        {
            repository = new { links = new { html = new { href = repository } } },
            push = new { changes = new[] { new { @new = new { type = "branch", name = gitRef["refs/heads/".Length..], target = new { hash = Sha } } } } },
        }),
        "bitbucket-server" => Sending.Of(method, "repo:refs_changed", new
        {
            repository = new { slug = "fleet", project = new { key = "ACME" }, links = new { clone = new[] { new { href = repository, name = "http" } } } },
            changes = new[] { new { refId = gitRef, toHash = Sha, type = "UPDATE", @ref = new { id = gitRef, type = "BRANCH" } } },
        }),
        "azure-devops" => Sending.Of(method, null, new
        {
            id = Guid.NewGuid(),
            eventType = "git.push",
            publisherId = "tfs",
            resource = new { refUpdates = new[] { new { name = gitRef, newObjectId = Sha } }, repository = new { remoteUrl = repository } },
        }),
        "token" or "standard-webhooks" => Sending.Of(method == "token" ? Senders.GitHub : method, "push", new { @ref = gitRef, after = Sha, repository = new { clone_url = repository } }),
        _ => Sending.Of(method, "push", new { @ref = gitRef, before = new string('0', 40), after = Sha, repository = new { clone_url = repository, default_branch = "main" } }),
    };
}
