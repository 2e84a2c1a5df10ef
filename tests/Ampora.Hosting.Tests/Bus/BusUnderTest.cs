using System.Collections.Concurrent;
using Ampora.Contracts;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Tests.Bus;

/// <summary>A service with one consumer, composed as all services are.</summary>
internal sealed class BusUnderTest : IAsyncDisposable
{
    private BusUnderTest(WebApplication app) => App = app;

    public WebApplication App { get; }

    public Received Received => App.Services.GetRequiredService<Received>();

    public IMessagePublisher Publisher => App.Services.GetRequiredService<IMessagePublisher>();

    public static async Task<BusUnderTest> StartAsync(string? broker, string service = "sweeper", string queue = "tip-checks", Action<WebApplication>? map = null)
    {
        var app = ServiceHost.Build(
            service,
            [],
            builder => builder.Services.AddSingleton<Received>(),
            bus =>
            {
                bus.AddConsumer<Recorder>().Endpoint(endpoint => endpoint.Name = queue);
                bus.AddConsumer<Answerer>().Endpoint(endpoint => endpoint.Name = "audit-queries");
            },
            map ?? (_ => { }),
            new Dictionary<string, string?>
            {
                ["urls"] = "http://127.0.0.1:0",
                ["Ampora:Management:Port"] = "0",
                ["ConnectionStrings:Broker"] = broker,
            });
        await app.StartAsync();
        return new BusUnderTest(app);
    }

    /// <summary>Publishes until one arrives, as the reconciliation would; fails after the deadline.</summary>
    public async Task<TimeSpan> UntilOneArrivesAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        var source = $"s{Guid.NewGuid():n}";
        while (!Received.Sources.ContainsKey(source))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < deadline, $"Nothing arrived within {deadline}.");
            try
            {
                await Publisher.PublishAsync(new TipCheckRequested { SourceId = source }, Guid.NewGuid(), TimeSpan.FromSeconds(5), cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The broker is not back yet.
            }
            await Task.Delay(50, cancellationToken);
        }
        return TimeProvider.System.GetElapsedTime(began);
    }

    public Task<HealthReport> HealthAsync() => App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
    }
}

internal sealed class Received
{
    public ConcurrentDictionary<string, (Guid? MessageId, string? TraceId)> Sources { get; } = new();

    public bool Failing { get; set; }

    public int Attempts;
}

internal sealed class Recorder(Received received) : IConsumer<TipCheckRequested>
{
    public Task Consume(ConsumeContext<TipCheckRequested> context)
    {
        Interlocked.Increment(ref received.Attempts);
        if (received.Failing)
            throw new InvalidOperationException("amp_secret_that_must_not_be_kept");
        received.Sources[context.Message.SourceId] = (context.MessageId, System.Diagnostics.Activity.Current?.TraceId.ToHexString());
        return Task.CompletedTask;
    }
}

internal sealed class Answerer : IConsumer<VerifyAudit>
{
    public Task Consume(ConsumeContext<VerifyAudit> context) => context.RespondAsync(new AuditVerification { Ok = true, Entries = 7, Head = "00" });
}
