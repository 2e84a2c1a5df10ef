using System.Reflection;
using Ampora.Console.Http;
using Ampora.Store;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Access;

/// <summary>Who makes a request. Handlers take it as a parameter.</summary>
/// <param name="TokenId">The API token's id.</param>
/// <param name="Name">The API token's name.</param>
/// <param name="Role">See <see cref="Access.Role"/>.</param>
/// <param name="Scope">Which sources it may see.</param>
/// <param name="RemoteIp">The address that the request came from.</param>
internal sealed record Caller(string TokenId, string Name, string Role, TokenScope Scope, string? RemoteIp)
{
    /// <summary>As the audit log and runs name the caller.</summary>
    public string Actor => $"token:{Name}";

    /// <summary>Takes the caller from an authenticated request.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) => ValueTask.FromResult(context.Features.Get<Caller>());

    /// <summary>Answers 404 unless there is such a source and the caller may see it.</summary>
    public async Task RequireSourceAsync(StoreContext context, string id, CancellationToken cancellationToken)
    {
        if (!Sources.SourceRules.IsSlug(id) || !await Scope.Apply(context.Sources).AnyAsync(s => s.Id == id, cancellationToken))
            throw RequestRefusedException.NoSource(id);
    }

    /// <summary>Answers 403 to a caller who may see only some sources, for what concerns all.</summary>
    public void RequireUnlimited(string what)
    {
        if (!Scope.IsUnlimited)
            throw RequestRefusedException.Forbidden($"This token is limited to some sources; {what} takes one that is not.");
    }
}
