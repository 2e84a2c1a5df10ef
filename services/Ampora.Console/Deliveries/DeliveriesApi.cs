using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Sources;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Deliveries;

/// <summary>The ledger of webhook deliveries: of one source, of all, and a check once more because of one.</summary>
internal static class DeliveriesApi
{
    private const string OfSource = "deliveries";
    private const string OfAll = "all-deliveries";

    public static void MapDeliveries(this IEndpointRouteBuilder api)
    {
        var deliveries = api.MapGroup("/git").WithTags("Webhooks");
        deliveries.MapGet("/sources/{id}/deliveries", ListOfSourceAsync).RequireAuthorization(Role.PolicyOf(Role.Viewer))
            .WithSummary("The deliveries for a source, newest first, with what became of each; verdict=accepted, ignored or refused picks.");
        deliveries.MapGet("/deliveries", ListAsync).RequireAuthorization(Role.PolicyOf(Role.Operator))
            .WithSummary("The deliveries for all sources, newest first; also those for none, unless the token is limited to sources.");
        deliveries.MapPost("/sources/{id}/deliveries/{deliveryId}/retry", RetryAsync).RequireAuthorization(Role.PolicyOf(Role.Operator))
            .WithSummary("Checks the source once more because of a delivery, whose body was never kept.");
    }

    private static async Task<Ok<PageOf<DeliveryView>>> ListOfSourceAsync(
        string id, [AsParameters] PageQuery page, string? verdict, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        return TypedResults.Ok(await DeliveryReader.ReadAsync(
            OfSource, page, verdict, context.Deliveries.Where(d => d.SourceId == id), context.TurnedAway.Where(t => t.SourceId == id), cancellationToken));
    }

    private static async Task<Ok<PageOf<DeliveryView>>> ListAsync(
        [AsParameters] PageQuery page, string? verdict, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var (deliveries, turnedAway) = (context.Deliveries.AsQueryable(), context.TurnedAway.AsQueryable());
        if (!caller.Scope.IsUnlimited)
        {
            // What is for no source at all may be for somebody else's.
            var visible = caller.Scope.Apply(context.Sources);
            deliveries = deliveries.Where(d => visible.Any(s => s.Id == d.SourceId));
            turnedAway = turnedAway.Where(t => visible.Any(s => s.Id == t.SourceId));
        }

        return TypedResults.Ok(await DeliveryReader.ReadAsync(OfAll, page, verdict, deliveries, turnedAway, cancellationToken));
    }

    private static async Task<Accepted<CheckAnswer>> RetryAsync(
        string id, string deliveryId, Caller caller, SourceWriter writer, HttpRequest request, CancellationToken cancellationToken)
    {
        var requestId = SourceWriter.NewRequestId();
        await writer.ChangeAsync(
            caller,
            id,
            VersionMatch.Of(request),
            async (change, stop) =>
            {
                if (!await change.Context.Deliveries.AnyAsync(d => d.SourceId == id && d.Id == deliveryId, stop))
                    throw await WhyNotAsync(change.Context, id, deliveryId, stop);
                if (await SourceWakeups.AskAsync(change.Context, new ManualAsk(id, requestId, caller.Actor, deliveryId), stop) == AskOutcome.Paused)
                    throw RequestRefusedException.Paused(id);
                return new SourceFact("source.check_requested", null, Wakes: true)
                {
                    Detail = new Dictionary<string, string> { ["requestId"] = requestId, ["deliveryId"] = deliveryId },
                };
            },
            cancellationToken);
        return TypedResults.Accepted((string?)null, new CheckAnswer(requestId));
    }

    private static async Task<RequestRefusedException> WhyNotAsync(StoreContext context, string id, string deliveryId, CancellationToken cancellationToken)
    {
        var refused = await context.TurnedAway.AsNoTracking().SingleOrDefaultAsync(t => t.SourceId == id && t.Id == deliveryId, cancellationToken);
        return refused is null
            ? new(404, "delivery_not_found", "No such delivery", "The source has no delivery with this id; deliveries end with their retention, and of refused ones that are alike only the latest has an id.")
            : new(
                409,
                "delivery_refused",
                "Delivery refused",
                $"The delivery was not authenticated ({refused.Reason}), so nothing follows from it: mend what its reason says and let the Git host send it again, or check the source with POST …/check.");
    }
}
