namespace Ampora.Ingress.Webhooks;

/// <summary>The webhook of one source: <c>POST /api/git/webhook/{sourceId}</c>. It needs no login; the source's token is all that counts.</summary>
internal static class SourceWebhook
{
    public static void MapSourceWebhook(this IEndpointRouteBuilder routes)
    {
        // Any other method gets routing's 405, with the Allow header.
        routes.MapPost("/api/git/webhook/{sourceId}", (HttpContext context, string sourceId, WebhookReceiver receiver) => receiver.ReceiveAsync(context, sourceId))
            .AllowAnonymous()
            .WithTags("Webhooks")
            .WithName("ReceiveWebhook")
            .WithSummary("Wakes a source because its Git host says that something was pushed.")
            .Produces<WebhookAnswer>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status408RequestTimeout)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }
}
