using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Ampora.TestServers;

/// <summary>A TCP connection between a service and PostgreSQL that a test can cut or freeze, or on which answers to commits are lost.</summary>
public sealed class DatabaseLink : IAsyncDisposable
{
    private readonly IPEndPoint _server;
    private readonly int _port;
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly CancellationTokenSource _ended = new();
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private volatile TaskCompletionSource _thawed = Done();
    private int _toLose;
    private int _lost;

    public DatabaseLink(string connectionString)
    {
        var address = new NpgsqlConnectionStringBuilder(connectionString);
        _server = new IPEndPoint(IPAddress.Parse(address.Host!), address.Port);
        _listener = Listen(0);
        _port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        address.Port = _port;
        // What passes is read here.
        address.SslMode = SslMode.Disable;
        ConnectionString = address.ToString();
    }

    public string ConnectionString { get; }

    /// <summary>Where it listens; it leads to every database of the server.</summary>
    public int Port => _port;

    /// <summary>As when the server is stopped: all connections break, and new ones are refused.</summary>
    public void Cut()
    {
        _listener?.Stop();
        _listener = null;
        foreach (var connection in _open.Keys)
            connection.Dispose();
    }

    public void Mend() => _listener = Listen(_port);

    /// <summary>As when the server is paused: connections are made, and nothing comes back.</summary>
    public void Freeze() => _thawed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Thaw() => _thawed.TrySetResult();

    /// <summary>The next commits reach the server, and their connections break before it has answered: nobody knows whether they happened.</summary>
    /// <param name="count">How many of them.</param>
    public void LoseAnswersToCommits(int count) => Interlocked.Exchange(ref _toLose, count);

    /// <summary>How many answers to commits have been lost.</summary>
    public int AnswersLost => Volatile.Read(ref _lost);

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        Thaw();
        Cut();
        await _accepting;
        _ended.Dispose();
    }

    private static TaskCompletionSource Done()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }

    private TcpListener Listen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Start();
        _accepting = AcceptAsync(listener);
        return listener;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
                _ = ForwardAsync(await listener.AcceptTcpClientAsync(_ended.Token));
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException or OperationCanceledException)
        {
            // Cut, or at the end.
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using var server = new TcpClient();
        _open[client] = true;
        _open[server] = true;
        try
        {
            await server.ConnectAsync(_server, _ended.Token);
            var answer = new Answer();
            await Task.WhenAny(CopyAsync(client, server, request => answer.IsLost |= Loses(request)), CopyAsync(server, client, answer: answer));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The same end as any other.
        }
        finally
        {
            client.Dispose();
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }

    // As the driver sends it: a simple query.
    private bool Loses(ReadOnlySpan<byte> request)
    {
        if (Volatile.Read(ref _toLose) <= 0 || request.IndexOf("COMMIT\0"u8) < 0 || Interlocked.Decrement(ref _toLose) < 0)
            return false;
        Interlocked.Increment(ref _lost);
        return true;
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, SeenBytes? seen = null, Answer? answer = null)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                var read = await from.GetStream().ReadAsync(buffer, _ended.Token);
                if (read == 0)
                    return;
                await _thawed.Task;
                seen?.Invoke(buffer.AsSpan(0, read));
                if (answer is { IsLost: true })
                    return;
                await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _ended.Token);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            // One side has gone.
        }
    }

    private delegate void SeenBytes(ReadOnlySpan<byte> bytes);

    private sealed class Answer
    {
        public volatile bool IsLost;
    }
}
