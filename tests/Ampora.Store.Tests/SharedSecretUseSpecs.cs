using Ampora.Database;
using Ampora.Store.Model;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>When organisations' secrets were used; the conformance tests look at sources' own.</summary>
public sealed class SharedSecretUseSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_delivery_notes_which_of_an_organisations_secrets_verified_it_and_no_sources_own(DatabaseDialect dialect)
    {
        await using var under = await SqlStoreUnderTest.OpenAsync(postgres, dialect);
        await under.CreateAsync("fleet", "git.test:443", TimeSpan.FromMinutes(1));
        await under.GiveSecretAsync("fleet");
        var before = await under.NowAsync();
        await under.WriteAsync(async (context, token) =>
        {
            context.SharedWebhookSecrets.AddRange(Secret("acme", before), Secret("other", before));
            await context.SaveChangesAsync(token);
        });

        await AskAsync("acme", "previous", "ref_not_tracked");
        Assert.Equal([("acme", false, true), ("other", false, false)], await ReadAsync());
        // One that only the configuration has is in no table.
        await AskAsync("configured", "current");
        await AskAsync("acme", "current");
        Assert.Equal([("acme", true, true), ("other", false, false)], await ReadAsync());
        var own = await under.ReadWebhookAsync("fleet");
        Assert.Equal((false, false), (own.CurrentWasUsed, own.PreviousWasUsed));

        Task<IReadOnlyList<AskOutcome>> AskAsync(string name, string signedBy, string? ignoredBecause = null) => under.Store.AskAsync(
            [new WebhookAsk("fleet", 1, new Delivery($"dlv_{Guid.NewGuid():n}", before, "github", "push", null, signedBy, ignoredBecause, SecretName: name))], Token);

        Task<List<(string, bool, bool)>> ReadAsync() => under.ReadContextAsync(async context =>
            (await context.SharedWebhookSecrets.AsNoTracking().OrderBy(s => s.Name).ToListAsync(Token))
                .Select(s => (s.Name, s.UsedAt >= before, s.PreviousUsedAt >= before)).ToList());
    }

    private static SharedWebhookSecret Secret(string name, DateTimeOffset now) => new()
    {
        Name = name,
        Provider = "github",
        Prefix = "github.com/acme/",
        Auth = "github",
        SecretEncrypted = [1],
        CreatedAt = now,
        PreviousAuth = "github",
        PreviousSecretEncrypted = [2],
        Version = 1,
    };
}
