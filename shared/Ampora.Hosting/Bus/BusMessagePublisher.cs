using Ampora.Contracts;
using MassTransit;

namespace Ampora.Hosting.Bus;

/// <summary>Publishes on the process's bus, and never waits longer than <see cref="Deadline"/>: the database is the truth, the broker only the fast path.</summary>
internal sealed class BusMessagePublisher(IBus bus, TimeProvider time) : IMessagePublisher
{
    /// <summary>A healthy broker confirms in milliseconds; whoever waits longer is better served by the reconciliation.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    // Ticks of the first failure after the last success; 0 when the last publish succeeded.
    private long _unconfirmedSince;

    /// <summary>When publishing began to fail; null while it works, or nothing was tried.</summary>
    public DateTimeOffset? UnconfirmedSince => Interlocked.Read(ref _unconfirmedSince) is var ticks and not 0 ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    public async Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var publish = bus.Publish(message, message.GetType(), context =>
        {
            context.MessageId = messageId;
            context.TimeToLive = timeToLive;
        }, deadline.Token);
        try
        {
            // The transport looks at its token late, or not at all while the broker is paused: this wait does not depend on it.
            await publish.WaitAsync(Deadline, time, cancellationToken);
            Interlocked.Exchange(ref _unconfirmedSince, 0);
        }
        catch (TimeoutException)
        {
            Failed();
            throw new TimeoutException($"The broker did not confirm within {Deadline.TotalSeconds:0} s.");
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            Failed();
            throw;
        }
        finally
        {
            if (!publish.IsCompleted)
            {
                // So that waiting publishes do not pile up while the broker is away. Nobody looks at its end any more.
                await deadline.CancelAsync();
                _ = publish.ContinueWith(static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }
        }
    }

    private void Failed() => Interlocked.CompareExchange(ref _unconfirmedSince, time.GetUtcNow().UtcTicks, 0);
}
