using System.Buffers;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Goes the ways of webhooks once at start, for a source that cannot exist: otherwise the first real one pays for compiling them and for
/// opening connections, and on a slow machine has to be turned away with a 503. The service is not ready before that is done.
/// </summary>
internal sealed class WarmUp(Database<StoreContext> database, SecretReader secrets, WakeupProtocol protocol, TimeProvider time) : BackgroundService, IHealthCheck
{
    // No slug has a capital letter, and no repository's key has one.
    private const string Nowhere = "Warm-Up";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private volatile bool _isWarm;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_isWarm ? HealthCheckResult.Healthy("warm") : HealthCheckResult.Unhealthy("the ways of webhooks are being gone for the first time"));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.WaitUntilMigratedAsync(stoppingToken);
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stoppingToken);
        try
        {
            // Off the thread that starts the host.
            await Task.Yield();
            foreach (var method in new[] { WebhookMethod.Token, WebhookMethod.GitHub, WebhookMethod.StandardWebhooks })
                Verify(method);
            await secrets.ReadAsync(Nowhere, either.Token);
            await secrets.FindAsync(new DeliveryRepository([Nowhere], [], null), Senders.GitHub, either.Token);
            var delivery = new Delivery($"dlv_{Guid.CreateVersion7():n}", time.GetUtcNow(), "token", null, null, "current");
            await protocol.AskAsync([new WebhookAsk(Nowhere, 0, delivery)], either.Token);
        }
        catch (Exception)
        {
            // The database is away, or the process stops: whoever comes first pays, and the health checks say the rest.
        }
        finally
        {
            _isWarm = true;
        }
    }

    private void Verify(WebhookMethod method)
    {
        var headers = new HeaderDictionary { ["X-GitHub-Event"] = "push", ["X-Hub-Signature-256"] = $"sha256={new string('0', 64)}" };
        var body = new WebhookBody(
            new ReadOnlySequence<byte>("""{"ref":"refs/heads/main","repository":{"url":"https://host/org/repo.git"}}"""u8.ToArray()), "application/json");
        var secret = WebhookSecret.Of(method, SigningKey.Generate(), null);
        WebhookVerification.Verify(PresentedCredentials.Of(headers, default), body, [secret], time.GetUtcNow());
        if (!body.TryGetJson(out var json))
            return;
        var content = PayloadReader.Read(Senders.GitHub, headers, json);
        Relevance.Of(content, "main");
        _ = content.RepositoryUrls.Select(RepositoryAddress.KeyOf).ToArray();
    }
}
