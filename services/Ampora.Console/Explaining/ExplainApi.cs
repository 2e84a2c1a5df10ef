using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Database;
using Ampora.Store;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Ampora.Console.Explaining;

/// <summary>Explains deliveries: what would become of one, and why. Its sender never learns this; an operator does.</summary>
internal static class ExplainApi
{
    public static void MapExplaining(this IEndpointRouteBuilder api)
    {
        var explain = api.MapGroup("/git").WithTags("Webhooks").RequireAuthorization(Role.PolicyOf(Role.Operator));
        explain.MapPost("/sources/{id}/webhook/explain", OfSourceAsync).Accepts<ExplainBody>("application/json")
            .WithSummary("What would become of a delivery at the source's own address, and why. Nothing is stored or woken.");
        explain.MapPost("/deliveries/explain", OfSharedAsync).Accepts<ExplainBody>("application/json")
            .WithSummary("What would become of a delivery at the shared address, for which sources, and why. Nothing is stored or woken.");
    }

    private static async Task<Ok<Explanation>> OfSourceAsync(
        string id, Caller caller, Database<StoreContext> database, Explainer explainer, HttpRequest request, CancellationToken cancellationToken)
    {
        await using (var context = database.Read())
            await caller.RequireSourceAsync(context, id, cancellationToken);
        return TypedResults.Ok(await explainer.OfSourceAsync(id, await ReadAsync(request, cancellationToken), cancellationToken));
    }

    private static async Task<Ok<Explanation>> OfSharedAsync(Caller caller, Explainer explainer, HttpRequest request, CancellationToken cancellationToken) =>
        TypedResults.Ok(await explainer.OfSharedAsync(caller, await ReadAsync(request, cancellationToken), cancellationToken));

    private static async Task<ExplainInput> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, ExplainInput.MaxRequestBytes, cancellationToken);
        return ExplainInput.Read(json.RootElement);
    }
}
