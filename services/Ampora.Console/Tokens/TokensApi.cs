using System.Text.Json;
using System.Text.RegularExpressions;
using Ampora.Console.Access;
using Ampora.Console.Announcing;
using Ampora.Console.Http;
using Ampora.Console.Sources;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tokens;

/// <summary>API tokens: made, listed, deleted. Only an admin's token that is not limited to some sources manages them.</summary>
internal static partial class TokensApi
{
    private const string List = "tokens";

    // Each is part of every query that the token's caller makes.
    private const int MaxSources = 200;
    private const int MaxLabels = 10;

    public static void MapTokens(this IEndpointRouteBuilder api)
    {
        var tokens = api.MapGroup("/tokens").WithTags("Tokens").RequireAuthorization(Role.PolicyOf(Role.Admin));
        tokens.MapGet("", ListAsync);
        tokens.MapPost("", CreateAsync).Accepts<TokenBody>("application/json");
        tokens.MapDelete("/{id}", DeleteAsync);
    }

    private static async Task<Ok<PageOf<TokenView>>> ListAsync(
        [AsParameters] PageQuery page, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited("managing API tokens");
        await using var context = database.Read();
        var tokens = context.ApiTokens.AsNoTracking();
        if (page.ReadCursor(List) is { } after)
            tokens = tokens.Where(t => string.Compare(t.Name, after) > 0);
        var read = await tokens.OrderBy(t => t.Name).Take(page.ReadLimit() + 1).ToListAsync(cancellationToken);
        var (rows, next) = page.Cut(List, read, t => t.Name);
        return TypedResults.Ok(new PageOf<TokenView>([.. rows.Select(t => TokenView.Of(t, null))], next));
    }

    private static async Task<Created<TokenView>> CreateAsync(
        Caller caller, Database<StoreContext> database, Announcer announcer, HttpRequest request, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited("managing API tokens");
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        var wanted = Read(json.RootElement, database.Time.GetUtcNow());
        var value = AccessToken.Generate();
        ApiToken token;
        OutboxMessage message;
        try
        {
            (token, message) = await database.WriteAsync(
                async (context, stop) =>
                {
                    if (await context.ApiTokens.AnyAsync(t => t.Name == wanted.Name, stop))
                        throw Exists(wanted.Name);
                    var now = await SourceWakeups.NowAsync(context, stop);
                    var made = new ApiToken
                    {
                        Id = $"tok_{Guid.CreateVersion7():n}",
                        Name = wanted.Name,
                        Hash = AccessToken.Hash(value),
                        Role = wanted.Role,
                        SourcesJson = wanted.Scope.Sources is null ? null : JsonSerializer.Serialize(wanted.Scope.Sources),
                        LabelsJson = wanted.Scope.Labels is null ? null : JsonSerializer.Serialize(wanted.Scope.Labels),
                        CreatedAt = now,
                        ExpiresAt = wanted.ExpiresAt,
                    };
                    context.ApiTokens.Add(made);
                    await context.SaveChangesAsync(stop);
                    return (made, await RecordAsync(context, caller, "token.created", made, now, stop));
                },
                cancellationToken);
        }
        catch (DbUpdateException e) when (!RefusalFilter.IsStoreAway(e))
        {
            // Two requests at the same moment: the unique key decided.
            if (await ExistsAsync(database, wanted.Name, cancellationToken))
                throw Exists(wanted.Name);
            throw;
        }

        announcer.Announce(null, message);
        // The one time that it is shown; no cache may keep it.
        request.HttpContext.Response.Headers.CacheControl = "no-store";
        return TypedResults.Created($"{request.PathBase}/api/tokens/{token.Id}", TokenView.Of(token, value));
    }

    private static async Task<NoContent> DeleteAsync(
        string id, Caller caller, Database<StoreContext> database, Announcer announcer, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited("managing API tokens");
        var message = await database.WriteAsync(
            async (context, stop) =>
            {
                var token = TokenId().IsMatch(id) ? await context.ApiTokens.SingleOrDefaultAsync(t => t.Id == id, stop) : null;
                if (token is null)
                    throw new RequestRefusedException(404, "token_not_found", "No such token", "There is no API token with this id.");
                context.ApiTokens.Remove(token);
                await context.SaveChangesAsync(stop);
                return await RecordAsync(context, caller, "token.deleted", token, await SourceWakeups.NowAsync(context, stop), stop);
            },
            cancellationToken);
        announcer.Announce(null, message);
        return TypedResults.NoContent();
    }

    private static Wanted Read(JsonElement json, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        const int maxName = 63;
        var name = fields.RequiredText("name", maxName);
        if (name is not null && !Name().IsMatch(name))
            fields.Fail("name", "It should be 1 to 63 letters, digits and any of . _ -");
        if (!fields.Has("role") || fields.IsNull("role"))
            fields.Fail("role", "It is required.");
        var role = fields.OneOf("role", Role.All) ?? Role.Viewer;

        var sources = fields.Texts("sources", MaxSources, 63)?.Distinct().ToList();
        if (sources?.Exists(id => !SourceRules.IsSlug(id)) == true)
            fields.Fail("sources", "Each should be the id of a source.");
        var labels = ReadLabels(fields);
        var expiresAt = fields.Time("expiresAt");
        if (expiresAt <= now)
            fields.Fail("expiresAt", "It should be in the future.");
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_token", "Invalid API token");
        return new Wanted(name ?? "", role, new TokenScope(sources, labels), expiresAt);
    }

    private static Dictionary<string, string>? ReadLabels(JsonFields fields)
    {
        if (fields.Object("labels") is not { } given)
            return null;
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var key in given.Names)
        {
            if (SourceRules.FindLabelKeyProblem(key) is { } problem)
                fields.Fail("labels", problem);
            else if ((given.IsNull(key) ? null : given.Text(key, SourceRules.MaxLabelValueLength)) is { } value)
                labels[key] = value;
            else if (given.IsNull(key))
                given.Fail(key, "It should be a string.");
        }

        if (labels.Count > MaxLabels)
            fields.Fail("labels", $"A token may be limited to at most {MaxLabels} labels.");
        // An empty object limits to nothing in particular; said so explicitly, a limit was probably meant.
        if (labels.Count == 0)
            fields.Fail("labels", "It should name at least one label; leave it out for a token that is not limited to labels.");
        return labels;
    }

    private static async Task<OutboxMessage> RecordAsync(
        StoreContext context, Caller caller, string action, ApiToken token, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var detail = new Dictionary<string, string> { ["role"] = token.Role };
        if (token.SourcesJson is not null)
            detail["sources"] = token.SourcesJson;
        if (token.LabelsJson is not null)
            detail["labels"] = token.LabelsJson;
        if (token.ExpiresAt is { } expiresAt)
            detail["expiresAt"] = expiresAt.UtcDateTime.ToString("O");
        var message = await StoreJournal.AddAuditAsync(
            context,
            new AuditRecorded
            {
                OccurredAt = now,
                Actor = caller.Actor,
                Action = action,
                Subject = $"token:{token.Name}",
                RemoteIp = caller.RemoteIp,
                Detail = detail,
            },
            cancellationToken);
        await context.SaveChangesAsync(cancellationToken);
        return message;
    }

    private static async Task<bool> ExistsAsync(Database<StoreContext> database, string name, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.ApiTokens.AnyAsync(t => t.Name == name, cancellationToken);
    }

    private static RequestRefusedException Exists(string name) =>
        new(409, "token_exists", "Token exists", $"There is an API token '{name}' already: delete it first, or choose another name.");

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"\Atok_[0-9a-f]{32}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TokenId();

    private sealed record Wanted(string Name, string Role, TokenScope Scope, DateTimeOffset? ExpiresAt);
}

/// <summary>An API token as a request gives it.</summary>
internal sealed record TokenBody
{
    /// <summary>1 to 63 letters, digits, dots, underscores and dashes; unique.</summary>
    public required string Name { get; init; }

    /// <summary>viewer, operator or admin.</summary>
    public required string Role { get; init; }

    /// <summary>Ids of the sources that it is limited to; at most 200.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>Labels that a source must have to be seen; at most 10.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>When it ends; without, never.</summary>
    public DateTime? ExpiresAt { get; init; }
}

/// <summary>An API token.</summary>
internal sealed record TokenView
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>The token itself, once, in the answer that creates it.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public string? Token { get; init; }

    public required string Role { get; init; }

    public required IReadOnlyList<string>? Sources { get; init; }

    public required IReadOnlyDictionary<string, string>? Labels { get; init; }

    public required DateTime CreatedAt { get; init; }

    public required DateTime? ExpiresAt { get; init; }

    /// <summary>To the minute.</summary>
    public required DateTime? LastUsedAt { get; init; }

    public static TokenView Of(ApiToken token, string? value)
    {
        var scope = TokenScope.Of(token);
        return new TokenView
        {
            Id = token.Id,
            Name = token.Name,
            Token = value,
            Role = token.Role,
            Sources = scope.Sources,
            Labels = scope.Labels,
            CreatedAt = token.CreatedAt.UtcDateTime,
            ExpiresAt = token.ExpiresAt?.UtcDateTime,
            LastUsedAt = token.LastUsedAt?.UtcDateTime,
        };
    }
}
