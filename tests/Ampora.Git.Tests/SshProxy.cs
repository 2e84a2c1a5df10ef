using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.Git.Tests;

/// <summary>An HTTP proxy that makes every tunnel to one port of this machine, whatever it is asked for.</summary>
internal sealed class SshProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<string> _asked = new();
    private readonly Task _accepting;

    public SshProxy(int target)
    {
        _listener.Start();
        _accepting = AcceptAsync(target);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The heads of all requests so far.</summary>
    public IReadOnlyCollection<string> Asked => _asked;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync(int target)
    {
        var tunnels = new List<Task>();
        try
        {
            while (true)
                tunnels.Add(TunnelAsync(await _listener.AcceptTcpClientAsync(_stopping.Token), target));
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // Stopped, while it waited or between two waits.
        }

        await Task.WhenAll(tunnels);
    }

    private async Task TunnelAsync(TcpClient client, int target)
    {
        using (client)
        using (var host = new TcpClient())
        {
            try
            {
                var stream = client.GetStream();
                var head = new StringBuilder();
                var one = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, _stopping.Token) > 0)
                    head.Append((char)one[0]);
                _asked.Enqueue(head.ToString());
                await host.ConnectAsync(IPAddress.Loopback, target, _stopping.Token);
                await stream.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), _stopping.Token);
                await Task.WhenAny(stream.CopyToAsync(host.GetStream(), _stopping.Token), host.GetStream().CopyToAsync(stream, _stopping.Token));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One of the ends has had enough, or the test.
            }
        }
    }
}
