using System.Collections.Concurrent;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Hosting;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Audit.Tests;

/// <summary>The whole service in this process, and beside it somebody who publishes, asks, and collects the acknowledgements.</summary>
internal sealed class AuditProcess : IAsyncDisposable
{
    private readonly WebApplication _app;

    private readonly Faults _faults = new();

    private AuditProcess(WebApplication app)
    {
        _app = app;
        app.Services.GetRequiredService<IBus>().ConnectReceiveObserver(_faults);
    }

    public ConcurrentQueue<AuditEntryCommitted> Acknowledgements => _app.Services.GetRequiredService<Collected>().All;

    /// <param name="database">The audit database; it need not be there yet to build, but must be to start.</param>
    /// <param name="broker">The address of RabbitMQ; null for the in-memory bus.</param>
    /// <param name="collects">Whether it also collects acknowledgements.</param>
    public static async Task<AuditProcess> StartAsync(DatabaseAddress database, string? broker, bool collects = true)
    {
        var app = ServiceHost.Build(
            broker is null ? ServiceHost.Standalone : "audit",
            [],
            builder =>
            {
                builder.AddAudit();
                builder.Services.AddSingleton<Collected>();
            },
            bus =>
            {
                bus.AddAuditConsumers();
                if (collects)
                    bus.AddConsumer<Collector>().Endpoint(endpoint => endpoint.Name = "outbox-acknowledgements");
            },
            app => app.MapAudit(),
            new Dictionary<string, string?>
            {
                ["environment"] = "Development",
                ["urls"] = "http://127.0.0.1:0",
                ["Ampora:Management:Port"] = "0",
                ["ConnectionStrings:Audit"] = database.ConnectionString,
                ["ConnectionStrings:Broker"] = broker,
            });
        await app.StartAsync(TestContext.Current.CancellationToken);
        // What is published before the queue is bound reaches nobody.
        var bus = app.Services.GetRequiredService<IBusControl>();
        Assert.Equal(BusHealthStatus.Healthy, await bus.WaitForHealthStatus(BusHealthStatus.Healthy, TimeSpan.FromSeconds(60)));
        return new AuditProcess(app);
    }

    public Task PublishAsync(object message, Guid messageId) =>
        _app.Services.GetRequiredService<IMessagePublisher>().PublishAsync(message, messageId, null, TestContext.Current.CancellationToken);

    public async Task PublishWithoutIdAsync(object message) =>
        await _app.Services.GetRequiredService<IBus>().Publish(message, message.GetType(), context => context.MessageId = null, TestContext.Current.CancellationToken);

    public async Task<TAnswer> AskAsync<TQuestion, TAnswer>(TQuestion question)
        where TQuestion : class
        where TAnswer : class
    {
        var client = _app.Services.GetRequiredService<IBus>().CreateRequestClient<TQuestion>(RequestTimeout.After(s: 30));
        return (await client.GetResponse<TAnswer>(question, TestContext.Current.CancellationToken)).Message;
    }

    /// <summary>Waits until so many acknowledgements came.</summary>
    public async Task<IReadOnlyList<AuditEntryCommitted>> AcknowledgedAsync(int count)
    {
        await UntilAsync(() => Acknowledgements.Count >= count);
        return [.. Acknowledgements];
    }

    /// <summary>Waits until so many messages could not be recorded.</summary>
    public Task FaultedAsync(int count) => UntilAsync(() => _faults.Count >= count);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        while (!condition())
            await Task.Delay(20, deadline.Token);
    }

    private sealed class Collected
    {
        public ConcurrentQueue<AuditEntryCommitted> All { get; } = new();
    }

    private sealed class Collector(Collected collected) : IConsumer<AuditEntryCommitted>
    {
        public Task Consume(ConsumeContext<AuditEntryCommitted> context)
        {
            collected.All.Enqueue(context.Message);
            return Task.CompletedTask;
        }
    }

    private sealed class Faults : IReceiveObserver
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

        public Task PostReceive(ReceiveContext context) => Task.CompletedTask;

        public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType)
            where T : class => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception)
            where T : class
        {
            Interlocked.Increment(ref _count);
            return Task.CompletedTask;
        }

        public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;
    }
}
