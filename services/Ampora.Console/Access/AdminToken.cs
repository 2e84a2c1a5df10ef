using Ampora.Console.Announcing;
using Ampora.Console.Http;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Access;

/// <summary>Holds the admin token that this start generated, for a greeting.</summary>
internal sealed class GeneratedAdminToken
{
    /// <summary>The token in clear; null when one was set or is in the database already.</summary>
    public string? Value { get; set; }
}

/// <summary>
/// Makes sure at start that somebody can log in: the token of the setting <c>AMPORA_ADMIN_TOKEN</c> becomes the API token <c>admin</c>; without the setting, and
/// without any admin token in the database, one is generated and printed once. Where the database is away, as soon as it is not.
/// </summary>
internal sealed partial class AdminToken(
    IConfiguration configuration, Database<StoreContext> database, Announcer announcer, GeneratedAdminToken generated, ILogger<AdminToken> logger) : BackgroundService
{
    public const string Setting = "AMPORA_ADMIN_TOKEN";
    public const string Name = "admin";

    // Shorter ones can be guessed; the generated ones have 256 random bits.
    private const int ReasonableLength = 20;

    // Replicas start together: the loser of a race finds the winner's token on its second try.
    private const int Attempts = 3;

    // Databases restart in seconds.
    private static readonly TimeSpan AfterOutage = TimeSpan.FromSeconds(1);

    /// <summary>What is wrong with the setting; null when nothing is.</summary>
    public static string? FindProblem(IConfiguration configuration)
    {
        var value = configuration[Setting];
        return string.IsNullOrEmpty(value) || value.All(c => c is > ' ' and <= '~')
            ? null
            : $"{Setting} holds spaces or characters that no HTTP header takes: it should be printable ASCII without spaces, such as 'amp_' and 43 random letters and digits";
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        // With a database that answers, the token is there before the first request.
        if (database.WaitUntilMigratedAsync(cancellationToken).IsCompletedSuccessfully && ExecuteTask is { } ensuring)
            await ensuring.WaitAsync(AfterOutage, TimeProvider.System, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var configured = configuration[Setting];
        var fresh = string.IsNullOrEmpty(configured) ? AccessToken.Generate() : null;
        if (configured is { Length: > 0 and < ReasonableLength })
            Log.ShortToken(logger, Setting, ReasonableLength);

        await database.WaitUntilMigratedAsync(stoppingToken);
        while (true)
        {
            try
            {
                await EnsureAsync(configured, fresh, stoppingToken);
                return;
            }
            catch (Exception e) when (RefusalFilter.IsStoreAway(e) || e is CommitOutcomeUnknownException)
            {
                Log.NotEnsured(logger, e);
                await Task.Delay(AfterOutage, stoppingToken);
            }
        }
    }

    private async Task EnsureAsync(string? configured, string? fresh, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var message = await database.WriteAsync((context, stop) => EnsureAsync(context, fresh ?? configured!, fresh is not null, stop), cancellationToken);
                if (message is null)
                    return;
                announcer.Announce(null, message);
                break;
            }
            catch (DbUpdateException e) when (attempt < Attempts && !RefusalFilter.IsStoreAway(e))
            {
                // Another replica made the token at the same moment.
            }
        }

        if (fresh is not null)
        {
            generated.Value = fresh;
            // Not through the log, where no token belongs: the one line in which it is ever shown.
            await System.Console.Out.WriteLineAsync($"Admin API token, shown only now: {fresh}");
        }
    }

    private static async Task<OutboxMessage?> EnsureAsync(StoreContext context, string value, bool onlyIfNone, CancellationToken cancellationToken)
    {
        // Read before the others: a token that another replica makes meanwhile is then seen by one of the two, or by the unique name.
        var existing = await context.ApiTokens.SingleOrDefaultAsync(t => t.Name == Name, cancellationToken);
        if (onlyIfNone && (existing?.Role == Role.Admin || await context.ApiTokens.AnyAsync(t => t.Role == Role.Admin, cancellationToken)))
            return null;

        var hash = AccessToken.Hash(value);
        var now = await Store.Wakeups.SourceWakeups.NowAsync(context, cancellationToken);
        if (existing is not null && existing.Role == Role.Admin && AccessToken.Matches(hash, existing.Hash))
            return null;

        if (existing is null)
            context.ApiTokens.Add(new ApiToken { Id = $"tok_{Guid.CreateVersion7():n}", Name = Name, Hash = hash, Role = Role.Admin, CreatedAt = now });
        else
            (existing.Hash, existing.Role, existing.SourcesJson, existing.LabelsJson, existing.ExpiresAt) = (hash, Role.Admin, null, null, null);
        await context.SaveChangesAsync(cancellationToken);
        var message = await StoreJournal.AddAuditAsync(
            context,
            new AuditRecorded
            {
                OccurredAt = now,
                Actor = "system",
                Action = existing is null ? "token.created" : "token.changed",
                Subject = $"token:{Name}",
                Detail = new Dictionary<string, string> { ["role"] = Role.Admin, ["from"] = onlyIfNone ? "generated" : "setting" },
            },
            cancellationToken);
        await context.SaveChangesAsync(cancellationToken);
        return message;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Setting} is shorter than {Length} characters: whoever guesses it controls every source")]
        public static partial void ShortToken(ILogger logger, string setting, int length);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The database did not answer when the admin token was to be made sure of; tried again until it does")]
        public static partial void NotEnsured(ILogger logger, Exception exception);
    }
}
