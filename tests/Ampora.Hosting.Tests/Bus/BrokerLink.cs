using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Ampora.Hosting.Tests.Bus;

/// <summary>A line to the broker that can be cut, and that can fall silent when a client calls a method.</summary>
internal sealed class BrokerLink : IAsyncDisposable
{
    private readonly Uri _broker;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<TcpClient> _ends = [];
    private readonly TaskCompletionSource _silenced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _accepting;

    public BrokerLink(Uri broker)
    {
        _broker = broker;
        _listener.Start();
        Address = new UriBuilder(broker) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.ToString();
        _accepting = AcceptAsync();
    }

    public string Address { get; }

    /// <summary>The method at which connections fall silent: class and method as a method frame's payload begins with them; null for none.</summary>
    public byte[]? SilentFrom { get; set; }

    /// <summary>Ends when a client met the silence.</summary>
    public Task Silenced => _silenced.Task;

    public void Cut()
    {
        while (_ends.TryTake(out var end))
            end.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                var broker = new TcpClient();
                _ends.Add(client);
                _ends.Add(broker);
                await broker.ConnectAsync(_broker.Host, _broker.Port);
                _ = CopyAsync(client, broker, fromClient: true);
                _ = CopyAsync(broker, client, fromClient: false);
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, bool fromClient)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            var silent = false;
            for (int read; (read = await from.GetStream().ReadAsync(buffer)) > 0;)
            {
                silent |= fromClient && SilentFrom is { } method && buffer.AsSpan(0, read).IndexOf(method) >= 0;
                if (silent)
                    _silenced.TrySetResult();
                else
                    await to.GetStream().WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut.
        }
        from.Dispose();
        to.Dispose();
    }
}
