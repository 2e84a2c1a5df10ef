using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using KeptSecret = Ampora.Store.Model.WebhookSecret;
using Secret = Ampora.Webhooks.WebhookSecret;

namespace Ampora.Store.Tests;

public sealed class WebhookReaderSpecs(PostgresServer postgres)
{
    private const string SigningToken = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static readonly SecretCipher Cipher = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
    private static readonly SecretCipher OtherCipher = new(new byte[32]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Secrets => new()
    {
        { "token", "amp_some-token-that-is-long" },
        { "github", "It's a Secret to Everybody" },
        { "gitlab", "plain-text-of-gitlab" },
        { "gitlab", SigningToken },
        { "gitea", "secret-of-a-gitea-hook" },
        { "bitbucket-server", "secret-of-bitbucket" },
        { "azure-devops", "password-of-azure" },
        { "standard-webhooks", SigningToken },
    };

    [Theory]
    [MemberData(nameof(Secrets))]
    public void What_is_kept_verifies_as_the_secret_does_and_is_recovered_only_where_it_must_be(string auth, string secret)
    {
        var method = WebhookMethod.Find(auth)!;
        var place = WebhookSecretStorage.PlaceOf("fleet");
        var (hash, encrypted) = WebhookSecretStorage.Protect(Cipher, place, method, secret);
        Assert.Equal(method.MustBeRecovered(secret), encrypted is not null);
        Assert.Equal(encrypted is null, hash is not null);
        Assert.Equal(Secret.Of(method, secret, null), WebhookSecretStorage.Open(Cipher, place, auth, hash, encrypted, null));
        if (encrypted is not null)
        {
            var e = Assert.Throws<SecretUnreadableException>(() => WebhookSecretStorage.Open(OtherCipher, place, auth, null, encrypted, null));
            Assert.DoesNotContain(secret, e.ToString(), StringComparison.Ordinal);
            // Nor is it another source's.
            Assert.Throws<SecretUnreadableException>(
                () => WebhookSecretStorage.Open(Cipher, WebhookSecretStorage.PlaceOf("other"), auth, null, encrypted, null));
        }
    }

    [Fact]
    public void Nothing_kept_and_a_method_that_is_not_known_verify_nothing()
    {
        Assert.Null(WebhookSecretStorage.Open(Cipher, WebhookSecretStorage.PlaceOf("fleet"), "github", null, null, null));
        Assert.Null(WebhookSecretStorage.Open(Cipher, WebhookSecretStorage.PlaceOf("fleet"), "of-a-later-release", [1], null, null));
        Assert.Null(WebhookSecretStorage.Open(Cipher, WebhookSecretStorage.PlaceOf("fleet"), null, [1], null, null));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_source_is_read_with_its_secrets_their_methods_and_their_version(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await AddAsync(store, "fleet", "github.com/acme/fleet");
        await AddAsync(store, "bare", "github.com/acme/bare", paused: true);
        await SetAsync(store, "fleet", WebhookMethod.GitLab, SigningToken, (WebhookMethod.AzureDevOps, "password-of-azure"), validFor: TimeSpan.FromMinutes(1), username: "hook");
        var reader = new WebhookReader(store.Database, Cipher);

        var read = await reader.ReadAsync("fleet", Token);
        Assert.NotNull(read);
        Assert.Equal(("fleet", 1L, "main", "token", false, true), (read.SourceId, read.SecretVersion, read.Ref, read.Auth, read.Paused, read.PreviousIsValid));
        Assert.Equal(Secret.Of(WebhookMethod.GitLab, SigningToken, null), read.Current);
        Assert.Equal(Secret.Of(WebhookMethod.AzureDevOps, "password-of-azure", "hook"), read.Previous);

        await ChangeAsync(store, s => s.PreviousValidUntil = TimeProvider.System.GetUtcNow().AddMinutes(-1));
        await store.Database.WriteAsync((context, token) => SourceWakeups.ChangeSecretsAsync(context, "fleet", token), Token);
        read = await reader.ReadAsync("fleet", Token);
        Assert.Equal((2L, false, true), (read!.SecretVersion, read.PreviousIsValid, read.Previous is not null));
        await ChangeAsync(store, s => s.PreviousValidUntil = null);
        Assert.False((await reader.ReadAsync("fleet", Token))!.PreviousIsValid);

        var bare = await reader.ReadAsync("bare", Token);
        Assert.Equal((true, null, null, false), (bare!.Paused, bare.Current, bare.Previous, bare.PreviousIsValid));
        Assert.Null(await reader.ReadAsync("nobody", Token));
        Assert.Null(await reader.ReadAsync("no\0body'; --", Token));
    }

    [Fact]
    public async Task A_secret_of_another_master_key_is_said_to_be_one_but_not_when_its_time_is_over()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await AddAsync(store, "fleet", "github.com/acme/fleet");
        await SetAsync(store, "fleet", WebhookMethod.GitHub, "a-secret-of-github", null, TimeSpan.Zero);
        var e = await Assert.ThrowsAsync<SecretUnreadableException>(() => new WebhookReader(store.Database, OtherCipher).ReadAsync("fleet", Token));
        Assert.Equal(WebhookSecretStorage.PlaceOf("fleet"), e.Place);

        await ChangeAsync(store, s =>
        {
            (s.PreviousAuth, s.PreviousSecretEncrypted) = (s.Auth, s.SecretEncrypted);
            (s.Auth, s.SecretHash, s.SecretEncrypted) = ("token", [1], null);
        });
        var read = await new WebhookReader(store.Database, OtherCipher).ReadAsync("fleet", Token);
        Assert.Equal((true, null), (read!.Current is not null, read.Previous));
        await ChangeAsync(store, s => s.PreviousValidUntil = TimeProvider.System.GetUtcNow().AddMinutes(1));
        await Assert.ThrowsAsync<SecretUnreadableException>(() => new WebhookReader(store.Database, OtherCipher).ReadAsync("fleet", Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Candidates_are_the_sources_on_the_repository_and_the_organisations_secrets_over_it(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await AddAsync(store, "one", "github.com/acme/fleet");
        await AddAsync(store, "two", "github.com/acme/fleet");
        await AddAsync(store, "near", "github.com/acme/fleet-2");
        await AddAsync(store, "keyless", null);
        await AddAsync(store, "server", "bb.acme.org:7990/scm/key/slug", "bb.acme.org/key/slug");
        await SetAsync(store, "two", WebhookMethod.GitHub, "a-secret-of-its-own", null, TimeSpan.Zero);
        await AddSharedAsync(store, "acme", "github", "github.com/acme/", "a-secret-of-acmes");
        await AddSharedAsync(store, "acme-two", "github", "github.com/acme-two/", "a-secret-of-others");
        await AddSharedAsync(store, "all", "github", "github.com/", "a-secret-of-github");
        await AddSharedAsync(store, "lab", "gitlab", "github.com/acme/", "a-secret-of-gitlab");
        var reader = new WebhookReader(store.Database, Cipher);

        var found = await reader.FindAsync(["github.com/acme/fleet", "github.com/acme/other"], [], "github", Token);
        Assert.Equal(["one", "two"], found.Sources.Select(s => s.SourceId));
        Assert.Equal([null, Secret.Of(WebhookMethod.GitHub, "a-secret-of-its-own", null)], found.Sources.Select(s => s.Current));
        Assert.Equal(["acme", "all"], found.Secrets.Select(s => s.Name));
        Assert.Equal(Secret.Of(WebhookMethod.GitHub, "a-secret-of-acmes", null), found.Secrets[0].Current);
        Assert.Equal((false, null), (found.Truncated, found.Unreadable));

        Assert.Equal(["server"], (await reader.FindAsync([], ["bb.acme.org/key/slug"], "bitbucket-server", Token)).Sources.Select(s => s.SourceId));
        found = await reader.FindAsync([], [], "github", Token);
        Assert.Empty(found.Sources);
        Assert.Equal(["acme", "acme-two", "all"], found.Secrets.Select(s => s.Name));

        // What cannot be read is left out, and said.
        found = await new WebhookReader(store.Database, OtherCipher).FindAsync(["github.com/acme/fleet"], [], "github", Token);
        Assert.Equal([null, null], found.Sources.Select(s => s.Current));
        Assert.Empty(found.Secrets);
        Assert.NotNull(found.Unreadable);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_change_of_an_organisations_secret_makes_whatever_was_read_before_stale_for_each_source_under_it(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await AddAsync(store, "one", "git.example/a_b%/fleet");
        await AddAsync(store, "two", "git.example/a_b%/deep/er");
        await AddAsync(store, "near", "git.example/axb%/fleet");
        await AddAsync(store, "wild", "git.example/a_bcd/fleet");
        await AddAsync(store, "longer", "git.example/a_b%c/fleet");
        await AddAsync(store, "server", "elsewhere.example/x/y", "git.example/a_b%/slug");
        await AddAsync(store, "keyless", null);
        Assert.Equal(3, await store.Database.WriteAsync((context, token) => SourceWakeups.ChangeSecretsUnderAsync(context, "git.example/a_b%/", token), Token));
        await using var read = store.Database.Read();
        Assert.Equal(["one", "server", "two"], await read.Wakeups.Where(w => w.SecretVersion == 2).OrderBy(w => w.SourceId).Select(w => w.SourceId).ToListAsync(Token));
    }

    private static Task AddAsync(TestStore store, string id, string? key, string? serverKey = null, bool paused = false) => store.Database.WriteAsync(
        async (context, token) =>
        {
            var now = await SourceWakeups.NowAsync(context, token);
            context.Sources.Add(new Source
            {
                Id = id,
                Uid = Guid.NewGuid(),
                Url = "https://git.example/fleet.git",
                Ref = "main",
                PollIntervalSeconds = 60,
                Polling = "fixed",
                WebhookAuth = "token",
                Version = 1,
                CreatedAt = now,
                UpdatedAt = now,
                RepositoryKey = key,
                BitbucketServerKey = serverKey,
            });
            await context.SaveChangesAsync(token);
            await SourceWakeups.CreateAsync(context, new NewWakeup(id, "git.example:443", "https://git.example/fleet.git", 60, paused), $"req_{id}", "test", token);
        },
        Token);

    private static Task SetAsync(
        TestStore store, string id, WebhookMethod method, string secret, (WebhookMethod Method, string Secret)? previous, TimeSpan validFor, string? username = null) =>
        store.Database.WriteAsync(
            async (context, token) =>
            {
                var now = await SourceWakeups.NowAsync(context, token);
                var kept = new KeptSecret { SourceId = id, Auth = method.Name, CreatedAt = now };
                (kept.SecretHash, kept.SecretEncrypted) = WebhookSecretStorage.Protect(Cipher, WebhookSecretStorage.PlaceOf(id), method, secret);
                if (previous is { } before)
                {
                    (kept.PreviousAuth, kept.PreviousUsername, kept.PreviousValidUntil) = (before.Method.Name, username, now + validFor);
                    (kept.PreviousSecretHash, kept.PreviousSecretEncrypted) =
                        WebhookSecretStorage.Protect(Cipher, WebhookSecretStorage.PlaceOf(id), before.Method, before.Secret);
                }

                context.WebhookSecrets.Add(kept);
                await context.SaveChangesAsync(token);
            },
            Token);

    private static Task ChangeAsync(TestStore store, Action<KeptSecret> change) => store.Database.WriteAsync(
        async (context, token) =>
        {
            change(await context.WebhookSecrets.SingleAsync(s => s.SourceId == "fleet", token));
            await context.SaveChangesAsync(token);
        },
        Token);

    private static Task AddSharedAsync(TestStore store, string name, string provider, string prefix, string secret) => store.Database.WriteAsync(
        async (context, token) =>
        {
            var (hash, encrypted) = WebhookSecretStorage.Protect(Cipher, WebhookSecretStorage.PlaceOfShared(name), WebhookMethod.Find(provider)!, secret);
            context.SharedWebhookSecrets.Add(new SharedWebhookSecret
            {
                Name = name,
                Provider = provider,
                Prefix = prefix,
                Auth = provider,
                SecretHash = hash,
                SecretEncrypted = encrypted,
                CreatedAt = await SourceWakeups.NowAsync(context, token),
                Version = 1,
            });
            await context.SaveChangesAsync(token);
        },
        Token);
}
