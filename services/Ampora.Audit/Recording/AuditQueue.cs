using Ampora.Audit.Chain;
using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Recording;

/// <summary>What the two consumers of the record share: their queue, its policy, and the acknowledgement.</summary>
internal static class AuditQueue
{
    /// <summary>The queue of everything that becomes an entry.</summary>
    public const string Name = "audit";

    // Two groups: while one is being committed, the next gathers.
    private const int Prefetch = 2 * AuditLog.MaxGroup;

    /// <summary>
    /// A message that could not be recorded (the database is away, say) is dropped from the queue, not lost: it stays in the outbox until
    /// <see cref="AuditEntryCommitted"/>, and the relay sends it again. So nothing piles up in an error queue, and nothing is tried in a hot loop.
    /// </summary>
    public static void Configure(IReceiveEndpointConfigurator endpoint)
    {
        endpoint.PrefetchCount = Prefetch;
        endpoint.ConcurrentMessageLimit = Prefetch;
        endpoint.PublishFaults = false;
        endpoint.DiscardFaultedMessages();
    }

    /// <summary>The id under which the message is recorded once.</summary>
    /// <exception cref="InvalidOperationException">It has none, so a duplicate could not be told.</exception>
    public static Guid RecordableId(this ConsumeContext context) =>
        context.MessageId ?? throw new InvalidOperationException("The message has no message id and cannot be recorded once: publish it through the outbox");

    /// <summary>Tells the outbox that the entry is durable; called only after the commit, and again for each duplicate.</summary>
    public static Task AcknowledgeAsync(this ConsumeContext context, Guid messageId, Receipt receipt) => context.Publish(
        new AuditEntryCommitted { RecordedMessageId = messageId, AuditId = receipt.AuditId, RunId = receipt.RunId }, context.CancellationToken);
}
