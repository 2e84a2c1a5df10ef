using System.Collections.Concurrent;
using System.Text;
using Ampora.Database;
using Ampora.Git.Credentials;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using KeptSecret = Ampora.Store.Model.WebhookSecret;

namespace Ampora.Store.Tests;

public sealed class ReencryptionSpecs(PostgresServer postgres)
{
    private static readonly byte[] OldKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] NewKey = [.. Enumerable.Range(0, 32).Select(i => (byte)(i + 100))];
    private static readonly SecretCipher Old = new(OldKey);
    private static readonly SecretCipher New = new(NewKey);
    private static readonly SecretCipher Both = new(NewKey, OldKey);
    private static readonly SecretCipher Lost = new(new byte[32]);

    private readonly Lines _lines = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_value_is_known_to_be_under_the_current_key()
    {
        var place = WebhookSecretStorage.PlaceOf("fleet");
        Assert.True(New.IsCurrent(New.Encrypt(place, "x"u8)));
        Assert.False(Both.IsCurrent(Old.Encrypt(place, "x"u8)));
        Assert.False(New.IsCurrent([]));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Afterwards_everything_is_readable_under_the_new_key_alone(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        // More than one batch, and some that are new already.
        const int count = 450;
        await AddAsync(store, count, i => i % 10 == 0 ? New : Old);
        var result = await Make(store).RunAsync(Token);
        Assert.Equal(new ReencryptionResult((count - (count / 10)) * 3 + 2, 0), result);
        Assert.Equal(new ReencryptionResult(0, 0), await Make(store).RunAsync(Token));

        await using var read = store.Database.Read();
        foreach (var credential in await read.Credentials.ToListAsync(Token))
            Assert.Equal("password of " + credential.SourceId, ((GitCredential.Basic)StoredCredential.Decrypt(New, credential.SourceId, credential.Encrypted)).Password);
        foreach (var kept in await read.WebhookSecrets.ToListAsync(Token))
        {
            var place = WebhookSecretStorage.PlaceOf(kept.SourceId);
            Assert.Equal("current of " + kept.SourceId, Encoding.UTF8.GetString(New.Decrypt(place, kept.SecretEncrypted)));
            Assert.Equal("previous of " + kept.SourceId, Encoding.UTF8.GetString(New.Decrypt(place, kept.PreviousSecretEncrypted)));
        }

        var shared = await read.SharedWebhookSecrets.SingleAsync(Token);
        Assert.Equal("shared"u8.ToArray(), New.Decrypt(WebhookSecretStorage.PlaceOfShared("acme"), shared.SecretEncrypted));
        Assert.Equal("shared before"u8.ToArray(), New.Decrypt(WebhookSecretStorage.PlaceOfShared("acme"), shared.PreviousSecretEncrypted));
        Assert.Contains(_lines, line => line.Contains($"{result.Done} stored secrets", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_value_under_a_key_that_is_lost_is_left_and_named_once_without_its_content()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await AddAsync(store, 3, i => i == 1 ? Lost : Old);
        var reencryption = Make(store);
        var result = await reencryption.RunAsync(Token);
        Assert.Equal((2 * 3) + 2, result.Done);
        Assert.Equal(2, result.Unreadable);
        await reencryption.RunAsync(Token);
        var named = _lines.Where(line => line.Contains("source-001", StringComparison.Ordinal)).ToList();
        Assert.Equal(["credentials", "webhook_secrets"], named.Select(line => line.Contains("credentials", StringComparison.Ordinal) ? "credentials" : "webhook_secrets").Order());
        Assert.DoesNotContain(_lines, line => line.Contains("current of", StringComparison.Ordinal) || line.Contains("password of", StringComparison.Ordinal));
        await using var read = store.Database.Read();
        var left = await read.WebhookSecrets.SingleAsync(s => s.SourceId == "source-001", Token);
        Assert.Equal("current of source-001"u8.ToArray(), Lost.Decrypt(WebhookSecretStorage.PlaceOf("source-001"), left.SecretEncrypted));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task It_undoes_no_rotation_that_happens_meanwhile(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await AddAsync(store, 60, _ => Old);
        var method = WebhookMethod.GitHub;
        var reencrypting = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Make(store).RunAsync(Token), Token)));
        for (var i = 0; i < 60; i += 2)
        {
            var id = $"source-{i:d3}";
            await store.Database.WriteAsync(
                async (context, token) =>
                {
                    await Wakeups.SourceWakeups.ChangeSecretsAsync(context, id, token);
                    var kept = await context.WebhookSecrets.SingleAsync(s => s.SourceId == id, token);
                    kept.PreviousSecretEncrypted = kept.SecretEncrypted;
                    (_, kept.SecretEncrypted) = WebhookSecretStorage.Protect(Both, WebhookSecretStorage.PlaceOf(id), method, "rotated of " + id);
                    await context.SaveChangesAsync(token);
                },
                Token);
        }

        await reencrypting;
        await Make(store).RunAsync(Token);
        await using var read = store.Database.Read();
        foreach (var kept in await read.WebhookSecrets.OrderBy(s => s.SourceId).ToListAsync(Token))
        {
            var place = WebhookSecretStorage.PlaceOf(kept.SourceId);
            var rotated = int.Parse(kept.SourceId[^3..], System.Globalization.CultureInfo.InvariantCulture) % 2 == 0;
            Assert.Equal((rotated ? "rotated of " : "current of ") + kept.SourceId, Encoding.UTF8.GetString(New.Decrypt(place, kept.SecretEncrypted)));
            Assert.Equal((rotated ? "current of " : "previous of ") + kept.SourceId, Encoding.UTF8.GetString(New.Decrypt(place, kept.PreviousSecretEncrypted)));
        }
    }

    private Reencryption Make(TestStore store) => new(store.Database, Both, _lines);

    /// <summary>Sources with a credential and two secrets each, and one organisation's secrets.</summary>
    private static Task AddAsync(TestStore store, int count, Func<int, SecretCipher> cipherOf) => store.Database.WriteAsync(
        async (context, token) =>
        {
            var now = await Wakeups.SourceWakeups.NowAsync(context, token);
            for (var i = 0; i < count; i++)
            {
                var id = $"source-{i:d3}";
                var cipher = cipherOf(i);
                var place = WebhookSecretStorage.PlaceOf(id);
                context.Sources.Add(new Source
                {
                    Id = id,
                    Uid = Guid.NewGuid(),
                    Url = "https://git.example/fleet.git",
                    Ref = "main",
                    PollIntervalSeconds = 60,
                    Polling = "fixed",
                    WebhookAuth = "github",
                    Version = 1,
                    CreatedAt = now,
                    UpdatedAt = now,
                    Credential = new Credential
                    {
                        SourceId = id,
                        Type = "basic",
                        Encrypted = StoredCredential.Encrypt(cipher, id, new GitCredential.Basic("ops", "password of " + id)),
                        Authority = "https://git.example:443",
                        UpdatedAt = now,
                    },
                    WebhookSecret = new KeptSecret
                    {
                        SourceId = id,
                        Auth = "github",
                        SecretEncrypted = cipher.Encrypt(place, Encoding.UTF8.GetBytes("current of " + id)),
                        CreatedAt = now,
                        PreviousAuth = "github",
                        PreviousSecretEncrypted = cipher.Encrypt(place, Encoding.UTF8.GetBytes("previous of " + id)),
                    },
                });
            }

            var shared = WebhookSecretStorage.PlaceOfShared("acme");
            context.SharedWebhookSecrets.Add(new SharedWebhookSecret
            {
                Name = "acme",
                Provider = "github",
                Prefix = "github.com/acme/",
                Auth = "github",
                SecretEncrypted = Old.Encrypt(shared, "shared"u8),
                CreatedAt = now,
                PreviousAuth = "github",
                PreviousSecretEncrypted = Old.Encrypt(shared, "shared before"u8),
                Version = 1,
            });
            await context.SaveChangesAsync(token);
            for (var i = 0; i < count; i++)
            {
                await Wakeups.SourceWakeups.CreateAsync(
                    context, new Wakeups.NewWakeup($"source-{i:d3}", "git.example:443", "https://git.example/fleet.git", 60, Paused: false), $"req_{i}", "test", token);
            }
        },
        Token);

    private sealed class Lines : ConcurrentQueue<string>, ILogger<Reencryption>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Enqueue(formatter(state, exception));
    }
}
