using Ampora.Wakeups;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Goes the way of a webhook once at start, for a source that cannot exist: otherwise the first real one pays for compiling it and for
/// opening connections, and on a slow machine has to be turned away with a 503.
/// </summary>
internal sealed class WarmUp(SecretReader secrets, WakeupProtocol protocol, TimeProvider time) : BackgroundService
{
    // No slug has a capital letter.
    private const string NoSource = "Warm-Up";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stoppingToken);
        try
        {
            await secrets.ReadAsync(NoSource, either.Token);
            var delivery = new Delivery($"dlv_{Guid.CreateVersion7():n}", time.GetUtcNow(), "token", null, null, "current");
            await protocol.AskAsync([new WebhookAsk(NoSource, 0, delivery)], either.Token);
        }
        catch (Exception)
        {
            // The database is away, or the process stops: whoever comes first pays, and the health checks say the rest.
        }
    }
}
