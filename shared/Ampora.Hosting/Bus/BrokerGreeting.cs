using System.Net.Sockets;

namespace Ampora.Hosting.Bus;

/// <summary>Knows whether the broker serves, without the client: it answers the protocol's greeting. An open port is not enough, a paused process has that too.</summary>
internal sealed class BrokerGreeting(BrokerAddress broker)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    /// <summary>Whether it answers now.</summary>
    public async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(broker.Host, broker.Port, deadline.Token);
            // The greeting would have to go through TLS there.
            if (broker.Tls)
                return true;
            var stream = socket.GetStream();
            await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), deadline.Token);
            return await stream.ReadAsync(new byte[1], deadline.Token) == 1;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
