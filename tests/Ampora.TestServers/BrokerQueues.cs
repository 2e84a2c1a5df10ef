using System.Text;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Ampora.TestServers;

/// <summary>The queues of one virtual host, as somebody with a client of their own sees and changes them: to look, to delete, to put messages in, and to listen.</summary>
public sealed class BrokerQueues : IAsyncDisposable
{
    private readonly IConnection _connection;

    private BrokerQueues(IConnection connection) => _connection = connection;

    /// <summary>Connects.</summary>
    /// <param name="address">The virtual host's <c>amqp://</c> address.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<BrokerQueues> OpenAsync(string address, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri(address), ClientProvidedName = "tests", AutomaticRecoveryEnabled = false };
        return new BrokerQueues(await factory.CreateConnectionAsync(cancellationToken));
    }

    /// <summary>A queue's messages that are not delivered yet, and its consumers; null when there is no such queue.</summary>
    public async Task<QueueState?> LookAsync(string queue, CancellationToken cancellationToken)
    {
        // A refusal closes the channel.
        await using var channel = await _connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            var found = await channel.QueueDeclarePassiveAsync(queue, cancellationToken);
            return new QueueState(queue, found.MessageCount, (int)found.ConsumerCount);
        }
        catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return null;
        }
    }

    /// <summary>Deletes a queue and what is in it, whoever uses it.</summary>
    public async Task DeleteAsync(string queue, CancellationToken cancellationToken)
    {
        await using var channel = await _connection.CreateChannelAsync(cancellationToken: cancellationToken);
        await channel.QueueDeleteAsync(queue, ifUnused: false, ifEmpty: false, cancellationToken: cancellationToken);
    }

    /// <summary>Puts a message into a queue, past every exchange.</summary>
    public async Task PutAsync(string queue, HeardMessage message, CancellationToken cancellationToken)
    {
        await using var channel = await _connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        await channel.BasicPublishAsync("", queue, mandatory: true, new BasicProperties(message.Properties), message.Body, cancellationToken);
    }

    /// <summary>Puts text into a queue that is no message of anybody's.</summary>
    public Task PutAsync(string queue, string garbage, string? contentType, CancellationToken cancellationToken) =>
        PutAsync(queue, new HeardMessage(Encoding.UTF8.GetBytes(garbage), new BasicProperties { ContentType = contentType, DeliveryMode = DeliveryModes.Persistent }), cancellationToken);

    /// <summary>Listens to all that is published as a type of message from now on, beside its consumers.</summary>
    /// <param name="exchange">The type's exchange, such as <c>Ampora.Contracts:TipCheckRequested</c>.</param>
    /// <param name="heard">Told of each.</param>
    /// <param name="cancellationToken">Ends the wait for the start.</param>
    public async Task ListenAsync(string exchange, Action<HeardMessage> heard, CancellationToken cancellationToken)
    {
        var channel = await _connection.CreateChannelAsync(cancellationToken: cancellationToken);
        var queue = (await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, cancellationToken: cancellationToken)).QueueName;
        await channel.QueueBindAsync(queue, exchange, "", cancellationToken: cancellationToken);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            // The body is the client's own again after this.
            heard(new HeardMessage(delivery.Body.ToArray(), new BasicProperties(delivery.BasicProperties)));
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue, autoAck: true, consumer, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

/// <summary>A message as it was on the wire.</summary>
/// <param name="Body">Its bytes.</param>
/// <param name="Properties">Its headers.</param>
public sealed record HeardMessage(byte[] Body, IReadOnlyBasicProperties Properties);
