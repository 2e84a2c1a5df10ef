using System.Collections.Concurrent;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Access;

/// <summary>Finds API tokens by what a caller presents. Nothing is cached: a token that was deleted is refused at once, everywhere.</summary>
internal sealed partial class ApiTokenDirectory(Database<StoreContext> database, ILogger<ApiTokenDirectory> logger)
{
    // Tokens that Ampora makes have 53 characters; one given by the operator may be longer, but nothing is hashed without bound.
    private const int MaxTokenLength = 1024;

    // Noting the use is a courtesy: it must never hold a request up for long.
    private static readonly TimeSpan UseDeadline = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, long> _usedAtMinute = new(StringComparer.Ordinal);

    /// <summary>Finds a valid token.</summary>
    /// <returns>The token, or why there is none: <c>unknown_token</c> or <c>expired_token</c>.</returns>
    public async Task<(ApiToken? Token, string Reason)> FindAsync(string presented, CancellationToken cancellationToken)
    {
        if (presented.Length is 0 or > MaxTokenLength)
            return (null, "unknown_token");
        var hash = AccessToken.Hash(presented);
        await using var context = database.Read();
        // The index is searched by a SHA-256 of 256 random bits, so how long it takes tells nothing; the row is still compared in constant time.
        var token = await context.ApiTokens.AsNoTracking().SingleOrDefaultAsync(t => t.Hash == hash, cancellationToken);
        if (token is null || !AccessToken.Matches(hash, token.Hash))
            return (null, "unknown_token");
        return await UseAsync(token, cancellationToken);
    }

    /// <summary>Finds a valid token by its id, for a session.</summary>
    public async Task<ApiToken?> FindByIdAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var token = await context.ApiTokens.AsNoTracking().SingleOrDefaultAsync(t => t.Id == id, cancellationToken);
        return token is null ? null : (await UseAsync(token, cancellationToken)).Token;
    }

    private async Task<(ApiToken? Token, string Reason)> UseAsync(ApiToken token, CancellationToken cancellationToken)
    {
        var now = database.Time.GetUtcNow();
        if (token.ExpiresAt <= now)
            return (null, "expired_token");
        await NoteUseAsync(token, now, cancellationToken);
        return (token, "");
    }

    private async Task NoteUseAsync(ApiToken token, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // To the minute, and once a minute for each process: not a write for each request.
        var minute = now.ToUnixTimeSeconds() / 60;
        var usedAt = DateTimeOffset.FromUnixTimeSeconds(minute * 60);
        if (token.LastUsedAt >= usedAt || _usedAtMinute.GetValueOrDefault(token.Id, -1) >= minute)
            return;
        _usedAtMinute[token.Id] = minute;

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(UseDeadline);
        try
        {
            await database.WriteAsync(
                (context, stop) => context.ApiTokens.Where(t => t.Id == token.Id).ExecuteUpdateAsync(set => set.SetProperty(t => t.LastUsedAt, usedAt), stop),
                deadline.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.UseNotNoted(logger, token.Name, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The last use of API token {Name} was not noted")]
        public static partial void UseNotNoted(ILogger logger, string name, Exception exception);
    }
}
