using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Ampora.Store.Tests;

/// <summary>A relay in front of PostgreSQL that can let a COMMIT through and break the connection before its answer comes back.</summary>
public sealed class LossyRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _server;
    private readonly Task _accepting;
    private int _lose;

    public LossyRelay(string connectionString)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        _server = new IPEndPoint(IPAddress.Loopback, server.Port);
        _listener.Start();
        // Without TLS the relay can read what passes.
        server.Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        server.SslMode = SslMode.Disable;
        ConnectionString = server.ToString();
        _accepting = AcceptAsync();
    }

    /// <summary>The same database through the relay.</summary>
    public string ConnectionString { get; }

    /// <summary>The next COMMIT's answer is lost.</summary>
    public bool LoseAnswerToCommit
    {
        get => Volatile.Read(ref _lose) == 1;
        set => Volatile.Write(ref _lose, value ? 1 : 0);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(RelayAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // Stopped.
        }

        await Task.WhenAll(connections);
    }

    private async Task RelayAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(_server, _stop.Token);
                var losing = new StrongFlag();
                await Task.WhenAny(
                    CopyAsync(client.GetStream(), server.GetStream(), bytes => losing.Value |= bytes.IndexOf("COMMIT\0"u8) >= 0 && Interlocked.Exchange(ref _lose, 0) == 1, null),
                    CopyAsync(server.GetStream(), client.GetStream(), null, losing));
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                // One end is gone, and so is the other.
            }
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, SeenBytes? seen, StrongFlag? losing)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var read)
        {
            seen?.Invoke(buffer.AsSpan(0, read));
            if (losing is { Value: true })
                return;
            await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }

    private delegate void SeenBytes(ReadOnlySpan<byte> bytes);

    private sealed class StrongFlag
    {
        public volatile bool Value;
    }
}
