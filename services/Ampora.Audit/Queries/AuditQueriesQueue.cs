using MassTransit;

namespace Ampora.Audit.Queries;

/// <summary>The queue of questions, apart from the record so that neither waits for the other.</summary>
internal static class AuditQueriesQueue
{
    /// <summary>Its name.</summary>
    public const string Name = "audit-queries";

    // Each holds a connection to the database while it reads.
    private const int Concurrency = 8;

    /// <summary>A question that failed is answered with its fault; nobody would read it in an error queue.</summary>
    public static void Configure(IReceiveEndpointConfigurator endpoint)
    {
        endpoint.PrefetchCount = Concurrency;
        endpoint.ConcurrentMessageLimit = Concurrency;
        endpoint.DiscardFaultedMessages();
    }
}
