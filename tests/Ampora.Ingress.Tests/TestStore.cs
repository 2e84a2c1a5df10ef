using System.Text.Json;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Ingress.Tests;

/// <summary>A store of its own for one test, with sources as the Console makes them.</summary>
internal sealed class TestStore : IAsyncDisposable
{
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

    /// <summary>Makes a source and its token.</summary>
    public async Task<string> AddSourceAsync(string id, bool paused = false)
    {
        var token = AccessToken.Generate();
        await Database.WriteAsync(
            async (context, cancellation) =>
            {
                var now = TimeProvider.System.GetUtcNow();
                context.Sources.Add(new Source
                {
                    Id = id,
                    Uid = Guid.NewGuid(),
                    Url = $"https://git.example/org/{id}.git",
                    Ref = "main",
                    PollIntervalSeconds = 60,
                    Polling = "fixed",
                    WebhookAuth = "token",
                    Version = 1,
                    CreatedAt = now,
                    UpdatedAt = now,
                    WebhookSecret = new WebhookSecret { SourceId = id, Auth = "token", SecretHash = AccessToken.Hash(token), CreatedAt = now },
                });
                await context.SaveChangesAsync(cancellation);
                await SourceWakeups.CreateAsync(context, new NewWakeup(id, "git.example:443", 60, paused), $"req_{Guid.NewGuid():n}", "system", cancellation);
            },
            Cancellation);
        return token;
    }

    /// <summary>Gives a source another token; the previous one stays valid for the overlap.</summary>
    public async Task<string> RotateAsync(string id, TimeSpan overlap)
    {
        var token = AccessToken.Generate();
        await Database.WriteAsync(
            async (context, cancellation) =>
            {
                await SourceWakeups.ChangeSecretsAsync(context, id, cancellation);
                var now = await SourceWakeups.NowAsync(context, cancellation);
                var secret = await context.WebhookSecrets.SingleAsync(s => s.SourceId == id, cancellation);
                secret.PreviousAuth = secret.Auth;
                secret.PreviousSecretHash = secret.SecretHash;
                secret.PreviousValidUntil = overlap > TimeSpan.Zero ? now + overlap : null;
                secret.SecretHash = AccessToken.Hash(token);
                await context.SaveChangesAsync(cancellation);
            },
            Cancellation);
        return token;
    }

    public Task RevokeAsync(string id) => Database.WriteAsync(
        async (context, cancellation) =>
        {
            await SourceWakeups.ChangeSecretsAsync(context, id, cancellation);
            await context.WebhookSecrets.Where(s => s.SourceId == id).ExecuteDeleteAsync(cancellation);
        },
        Cancellation);

    public Task DeleteSourceAsync(string id) => Database.WriteAsync(
        (context, cancellation) => context.Sources.Where(s => s.Id == id).ExecuteDeleteAsync(cancellation), Cancellation);

    public async Task<Wakeup> WakeupAsync(string id)
    {
        await using var context = Database.Read();
        return await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Cancellation);
    }

    public async Task<List<DeliveryRow>> DeliveriesAsync()
    {
        await using var context = Database.Read();
        return await context.Deliveries.AsNoTracking().OrderBy(d => d.Sequence).ToListAsync(Cancellation);
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
}
