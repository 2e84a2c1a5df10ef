using System.Net;
using System.Net.Sockets;
using Ampora.Git.Http;

namespace Ampora.Git.Ssh;

/// <summary>
/// The only way that an <c>ssh</c> has to its host: a port of loopback that takes one connection and passes it on to the address that the policy allowed.
/// So address policy, deadlines and byte limits are those of the tip check over HTTP, and what goes wrong with the connection is known as it happened.
/// What it passes on is encrypted; it sees nothing of it.
/// </summary>
internal sealed class SshRelay : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly GuardedConnector _connector;
    private readonly GitRemote _remote;
    private readonly long _maxBytes;
    private readonly Task _running;
    private GitException? _failure;

    /// <param name="connector">Connects to the host.</param>
    /// <param name="remote">Whose host.</param>
    /// <param name="maxBytes">Bytes that the host may send.</param>
    public SshRelay(GuardedConnector connector, GitRemote remote, long maxBytes)
    {
        (_connector, _remote, _maxBytes) = (connector, remote, maxBytes);
        // The first that connects is the last.
        _listener.Start(backlog: 1);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running = RunAsync();
    }

    /// <summary>Where it listens, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>What went wrong with the host first; null when nothing did.</summary>
    public GitException? Failure => _failure;

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        await _running;
        _ending.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            using var client = await _listener.AcceptSocketAsync(_ending.Token);
            _listener.Stop();
            client.NoDelay = true;
            await using var host = await _connector.ConnectAsync(_remote.Url.EndPoint, _ending.Token);
            await using var program = new NetworkStream(client);
            var sending = SendAsync(program, host);
            try
            {
                await ReceiveAsync(host, program);
                // ssh reads what is left, and then closes its end.
                client.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e)
            {
                Note(e);
                // ssh has nothing to wait for any more.
                client.Close();
            }
            finally
            {
                await sending;
            }
        }
        catch (Exception e)
        {
            Note(e);
        }
    }

    private void Note(Exception error)
    {
        if (!_ending.IsCancellationRequested)
            _failure ??= HostFailure.Of(error is SocketException ? new HttpRequestException(null, error) : error, _remote);
    }

    private async Task ReceiveAsync(Stream host, Stream program)
    {
        var buffer = new byte[BufferBytes];
        var total = 0L;
        int count;
        while ((count = await ReadAsync(host, buffer)) > 0)
        {
            total += count;
            if (total > _maxBytes)
            {
                throw new GitException(
                    "limit_exceeded",
                    $"The fetch transfers more than {_maxBytes} bytes.",
                    "Follow a smaller repository, or raise Ampora__Git__PackBytes.");
            }

            // An ssh that does not like the host's key, say, ends while the host goes on: no fault of the connection.
            if (!await TryWriteAsync(program, buffer.AsMemory(0, count)))
                await Task.Delay(Timeout.Infinite, _ending.Token);
        }
    }

    private async Task SendAsync(Stream program, Stream host)
    {
        var buffer = new byte[BufferBytes];
        var listens = true;
        try
        {
            int count;
            while ((count = await program.ReadAsync(buffer, _ending.Token)) > 0)
            {
                // Once the host has closed its end, what ssh still says is taken, so that its own end is no reset.
                listens = listens && await TryWriteAsync(host, buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // ssh has ended, or is to end.
        }

        // And so has the connection.
        await _ending.CancelAsync();
    }

    private async Task<bool> TryWriteAsync(Stream stream, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await stream.WriteAsync(bytes, _ending.Token);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task<int> ReadAsync(Stream host, byte[] buffer)
    {
        try
        {
            return await host.ReadAsync(buffer, _ending.Token);
        }
        catch (IOException)
        {
            // Reset: ssh says it better, who knows what it was waiting for.
            return 0;
        }
    }
}
