using System.Text.Json;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using WebhookSecret = Ampora.Store.Model.WebhookSecret;

namespace Ampora.Ingress.Tests;

/// <summary>A store of its own for one test, with sources and secrets as the Console makes them.</summary>
internal sealed class TestStore : IAsyncDisposable
{
    // The key that TestIngress starts with.
    private static readonly SecretCipher Cipher = new(new byte[SecretCipher.KeyBytes]);

    private readonly SqliteFile? _file;

    private TestStore(DatabaseAddress address, SqliteFile? file)
    {
        _file = file;
        ConnectionString = address.ConnectionString;
        Database = StoreService.Open(address, TimeProvider.System);
    }

    public string ConnectionString { get; }

    public Database<StoreContext> Database { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<TestStore> CreateAsync(PostgresServer postgres, DatabaseDialect dialect)
    {
        var file = dialect == DatabaseDialect.Sqlite ? new SqliteFile() : null;
        var store = new TestStore(new DatabaseAddress(dialect, file?.ConnectionString ?? await postgres.CreateDatabaseAsync(Cancellation)), file);
        await store.Database.MigrateAsync(Cancellation);
        return store;
    }

    /// <summary>What Ampora would generate for a method.</summary>
    public static string Generate(WebhookMethod method) => method == WebhookMethod.StandardWebhooks ? SigningKey.Generate() : AccessToken.Generate();

    /// <summary>Makes a source and its token.</summary>
    public Task<string> AddSourceAsync(string id, bool paused = false) => AddSourceAsync(id, WebhookMethod.Token, paused: paused);

    /// <summary>Makes a source and its secret.</summary>
    public async Task<string> AddSourceAsync(
        string id, WebhookMethod method, string? url = null, string gitRef = "main", string? secret = null, string? username = null, bool paused = false, bool withSecret = true)
    {
        secret ??= Generate(method);
        await Database.WriteAsync(
            (context, cancellation) => AddSourceAsync(context, id, method, url ?? $"https://git.example/org/{id}.git", gitRef, withSecret ? secret : null, username, paused, cancellation),
            Cancellation);
        return secret;
    }

    /// <summary>Makes many sources without secrets in one transaction.</summary>
    public Task AddSourcesAsync(IEnumerable<(string Id, string Url, string Ref)> sources) => Database.WriteAsync(
        async (context, cancellation) =>
        {
            foreach (var (id, url, gitRef) in sources)
                await AddSourceAsync(context, id, WebhookMethod.Token, url, gitRef, null, null, paused: false, cancellation);
        },
        Cancellation);

    /// <summary>Gives a source another token; the previous one stays valid for the overlap.</summary>
    public Task<string> RotateAsync(string id, TimeSpan overlap) => RotateAsync(id, overlap, WebhookMethod.Token);

    /// <summary>Gives a source another secret, maybe of another method; the previous one stays valid for the overlap.</summary>
    public async Task<string> RotateAsync(string id, TimeSpan overlap, WebhookMethod method, string? secret = null, string? username = null)
    {
        secret ??= Generate(method);
        await Database.WriteAsync(
            async (context, cancellation) =>
            {
                await SourceWakeups.ChangeSecretsAsync(context, id, cancellation);
                var now = await SourceWakeups.NowAsync(context, cancellation);
                await context.Sources.Where(s => s.Id == id).ExecuteUpdateAsync(s => s.SetProperty(p => p.WebhookAuth, method.Name), cancellation);
                var row = await context.WebhookSecrets.SingleAsync(s => s.SourceId == id, cancellation);
                Rotate(row, WebhookSecretStorage.PlaceOf(id), now, overlap, method, secret, username);
                await context.SaveChangesAsync(cancellation);
            },
            Cancellation);
        return secret;
    }

    /// <summary>Ends the overlap of a source's rotation, by the database's clock.</summary>
    public Task EndOverlapAsync(string id) => Database.WriteAsync(
        async (context, cancellation) =>
        {
            var secret = await context.WebhookSecrets.SingleAsync(s => s.SourceId == id, cancellation);
            secret.PreviousValidUntil = await SourceWakeups.NowAsync(context, cancellation);
            await context.SaveChangesAsync(cancellation);
        },
        Cancellation);

    public Task RevokeAsync(string id) => Database.WriteAsync(
        async (context, cancellation) =>
        {
            await SourceWakeups.ChangeSecretsAsync(context, id, cancellation);
            await context.WebhookSecrets.Where(s => s.SourceId == id).ExecuteDeleteAsync(cancellation);
        },
        Cancellation);

    /// <summary>Makes an organisation's secret.</summary>
    public async Task<string> AddSharedSecretAsync(string name, WebhookMethod method, string prefix, string? secret = null, string? username = null)
    {
        secret ??= Generate(method);
        await Database.WriteAsync(
            async (context, cancellation) =>
            {
                var (hash, encrypted) = WebhookSecretStorage.Protect(Cipher, WebhookSecretStorage.PlaceOfShared(name), method, secret);
                context.SharedWebhookSecrets.Add(new SharedWebhookSecret
                {
                    Name = name,
                    Provider = method.Name,
                    Prefix = prefix,
                    Auth = method.Name,
                    SecretHash = hash,
                    SecretEncrypted = encrypted,
                    Username = username,
                    CreatedAt = await SourceWakeups.NowAsync(context, cancellation),
                    Version = 1,
                });
                await context.SaveChangesAsync(cancellation);
                await SourceWakeups.ChangeSecretsUnderAsync(context, prefix, cancellation);
            },
            Cancellation);
        return secret;
    }

    /// <summary>Gives an organisation another secret.</summary>
    public async Task<string> RotateSharedAsync(string name, TimeSpan overlap, string? secret = null)
    {
        await Database.WriteAsync(
            async (context, cancellation) =>
            {
                var row = await context.SharedWebhookSecrets.SingleAsync(s => s.Name == name, cancellation);
                var method = WebhookMethod.Find(row.Auth)!;
                secret ??= Generate(method);
                await SourceWakeups.ChangeSecretsUnderAsync(context, row.Prefix, cancellation);
                var now = await SourceWakeups.NowAsync(context, cancellation);
                Rotate(row, WebhookSecretStorage.PlaceOfShared(name), now, overlap, method, secret, null);
                await context.SaveChangesAsync(cancellation);
            },
            Cancellation);
        return secret!;
    }

    public Task DeleteSourceAsync(string id) => Database.WriteAsync(
        (context, cancellation) => context.Sources.Where(s => s.Id == id).ExecuteDeleteAsync(cancellation), Cancellation);

    public async Task<Wakeup> WakeupAsync(string id)
    {
        await using var context = Database.Read();
        return await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Cancellation);
    }

    /// <summary>The sources that a webhook has woken.</summary>
    public async Task<List<string>> WokenAsync()
    {
        await using var context = Database.Read();
        return await context.Wakeups.AsNoTracking().Where(w => w.WantedWebhook > 0).Select(w => w.SourceId).OrderBy(id => id).ToListAsync(Cancellation);
    }

    public async Task<List<DeliveryRow>> DeliveriesAsync()
    {
        await using var context = Database.Read();
        return await context.Deliveries.AsNoTracking().OrderBy(d => d.Sequence).ToListAsync(Cancellation);
    }

    public async Task<List<TurnedAwayRow>> TurnedAwayAsync()
    {
        await using var context = Database.Read();
        return await context.Set<TurnedAwayRow>().AsNoTracking().OrderBy(d => d.Sequence).ToListAsync(Cancellation);
    }

    public async Task<List<ServiceInstance>> InstancesAsync()
    {
        await using var context = Database.Read();
        return await context.ServiceInstances.AsNoTracking().ToListAsync(Cancellation);
    }

    /// <summary>The audit entries that wait in the outbox, which nobody empties here.</summary>
    public async Task<List<AuditRecorded>> AuditEntriesAsync(string action)
    {
        await using var context = Database.Read();
        var rows = await context.Outbox.AsNoTracking().Where(o => o.Type == nameof(AuditRecorded)).OrderBy(o => o.CreatedAt).ToListAsync(Cancellation);
        return [.. rows.Select(r => JsonSerializer.Deserialize<AuditRecorded>(r.Payload, JsonSerializerOptions.Web)!).Where(e => e.Action == action)];
    }

    public async Task<long> RefusedAsync() => (await AuditEntriesAsync("webhook.refused")).Sum(e => e.Count);

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        _file?.Dispose();
    }

    private static async Task AddSourceAsync(
        StoreContext context, string id, WebhookMethod method, string url, string gitRef, string? secret, string? username, bool paused, CancellationToken cancellation)
    {
        var now = TimeProvider.System.GetUtcNow();
        var (hash, encrypted) = secret is null ? (null, null) : WebhookSecretStorage.Protect(Cipher, WebhookSecretStorage.PlaceOf(id), method, secret);
        context.Sources.Add(new Source
        {
            Id = id,
            Uid = Guid.NewGuid(),
            Url = url,
            Ref = gitRef,
            PollIntervalSeconds = 60,
            Polling = "fixed",
            WebhookAuth = method.Name,
            RepositoryKey = RepositoryAddress.KeyOf(url),
            BitbucketServerKey = RepositoryAddress.BitbucketServerKeyOf(url),
            Version = 1,
            CreatedAt = now,
            UpdatedAt = now,
            WebhookSecret = secret is null
                ? null
                : new WebhookSecret { SourceId = id, Auth = method.Name, SecretHash = hash, SecretEncrypted = encrypted, Username = username, CreatedAt = now },
        });
        await context.SaveChangesAsync(cancellation);
        await SourceWakeups.CreateAsync(context, new NewWakeup(id, "git.example:443", "https://git.example/fleet.git", 60, paused), $"req_{Guid.NewGuid():n}", "system", cancellation);
    }

    private static void Rotate(
        IWebhookSecretRow row, SecretPlace place, DateTimeOffset now, TimeSpan overlap, WebhookMethod method, string secret, string? username)
    {
        (row.PreviousAuth, row.PreviousSecretHash, row.PreviousSecretEncrypted, row.PreviousUsername) = (row.Auth, row.SecretHash, row.SecretEncrypted, row.Username);
        (row.PreviousUsedAt, row.UsedAt) = (row.UsedAt, null);
        row.PreviousValidUntil = overlap > TimeSpan.Zero ? now + overlap : null;
        (row.Auth, row.Username) = (method.Name, username);
        (row.SecretHash, row.SecretEncrypted) = WebhookSecretStorage.Protect(Cipher, place, method, secret);
    }
}
