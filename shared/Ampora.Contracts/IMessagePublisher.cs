namespace Ampora.Contracts;

/// <summary>Publishes messages of this namespace on whichever bus the process runs with.</summary>
public interface IMessagePublisher
{
    /// <summary>Publishes one message.</summary>
    /// <param name="message">An instance of a message type of this namespace; it is published as its runtime type.</param>
    /// <param name="messageId">The id by which consumers recognise a duplicate.</param>
    /// <param name="timeToLive">How long the broker keeps it when nobody takes it; null: until somebody does.</param>
    /// <param name="cancellationToken">Ends the wait; the message may be sent all the same.</param>
    /// <exception cref="TimeoutException">The broker did not confirm within the publish deadline; it may have the message or not.</exception>
    Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken);
}
