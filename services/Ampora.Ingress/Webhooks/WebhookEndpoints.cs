namespace Ampora.Ingress.Webhooks;

/// <summary>Where Git hosts send their webhooks: to one source's own address, or one hook of a whole organisation to the shared one. Neither needs a login.</summary>
internal static class WebhookEndpoints
{
    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        // Any other method gets routing's 405, with the Allow header.
        routes.MapPost("/api/git/webhook/{sourceId}", (HttpContext context, string sourceId, SourceReceiver receiver) => receiver.ReceiveAsync(context, sourceId))
            .Describe("ReceiveWebhook", "Wakes a source because its Git host says that something was pushed.")
            .Produces<SourceAnswer>(StatusCodes.Status202Accepted);

        routes.MapPost("/api/git/webhook", (HttpContext context, SharedReceiver receiver) => receiver.ReceiveAsync(context))
            .Describe("ReceiveSharedWebhook", "Wakes every source on the repository and ref that a webhook names, once it is verified.")
            .Produces<SharedAnswer>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest);
    }

    private static RouteHandlerBuilder Describe(this RouteHandlerBuilder route, string name, string summary) => route
        .AllowAnonymous()
        .WithTags("Webhooks")
        .WithName(name)
        .WithSummary(summary)
        .ProducesProblem(StatusCodes.Status401Unauthorized)
        .ProducesProblem(StatusCodes.Status408RequestTimeout)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
}
