using Ampora.Contracts;
using MassTransit;

namespace Ampora.Hosting.Bus;

/// <summary>Publishes on the process's bus, and never waits longer than <see cref="Deadline"/>: the database is the truth, the broker only the fast path.</summary>
internal sealed class BusMessagePublisher(IBus bus, TimeProvider time) : IMessagePublisher
{
    /// <summary>A healthy broker confirms in milliseconds; whoever waits longer is better served by the reconciliation.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    public async Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var publish = bus.Publish(message, message.GetType(), context =>
        {
            context.MessageId = messageId;
            context.TimeToLive = timeToLive;
        }, either.Token);
        try
        {
            // The transport looks at the token late, or not at all while the broker is paused: this wait does not depend on it.
            await publish.WaitAsync(Deadline, time, cancellationToken);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The broker did not confirm within {Deadline.TotalSeconds:0} s.");
        }
        finally
        {
            // The send may fail after nobody waits for it any more.
            _ = publish.ContinueWith(static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
    }
}
