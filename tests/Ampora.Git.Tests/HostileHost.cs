using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.Git.Tests;

/// <summary>A server that answers each request with whatever bytes a test likes, on a raw socket.</summary>
internal sealed class HostileHost : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<string, Stream, CancellationToken, Task> _answer;
    private readonly Task _accepting;

    public HostileHost(Func<string, Stream, CancellationToken, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/x.git";

    /// <summary>Answers discovery with one body, and requests with another.</summary>
    public static HostileHost Serving(string infoRefs, string uploadPack = "0000") => new((head, stream, cancellationToken) =>
        stream.WriteAsync(
            head.StartsWith("GET", StringComparison.Ordinal) ? Answer("advertisement", infoRefs) : Answer("result", uploadPack), cancellationToken).AsTask());

    /// <summary>A complete HTTP answer with a Git body.</summary>
    public static byte[] Answer(string kind, string body)
    {
        var bytes = Encoding.Latin1.GetBytes(body);
        return [.. Encoding.Latin1.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n"), .. bytes];
    }

    /// <summary>Packet lines; an empty one is a flush.</summary>
    public static string Packets(params string[] lines) =>
        string.Concat(lines.Select(line => line.Length == 0 ? "0000" : (Encoding.Latin1.GetByteCount(line) + 5).ToString("x4") + line + "\n"));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // Stopped, while it waited or between two waits.
        }

        await Task.WhenAll(connections);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var head = new StringBuilder();
                var one = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    if (await stream.ReadAsync(one, _stopping.Token) == 0)
                        return;
                    head.Append((char)one[0]);
                }

                var length = head.ToString().Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase));
                if (length is not null)
                    await stream.ReadExactlyAsync(new byte[int.Parse(length[16..])], _stopping.Token);
                await _answer(head.ToString(), stream, _stopping.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
            {
                // The client has had enough, or the test.
            }
        }
    }
}
