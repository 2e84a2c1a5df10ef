using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.TestServers;

/// <summary>An HTTP proxy on a free loopback port: tunnels (CONNECT) and requests in clear, with a login if need be.</summary>
public sealed class ForwardProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly Task _accepting;

    public ForwardProxy()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The user and password that it wants, with a colon between; null when it lets everybody.</summary>
    public string? Login { get; set; }

    /// <summary>Answers every request with this status line, such as <c>503 Service Unavailable</c>; null serves it.</summary>
    public string? FailWith { get; set; }

    /// <summary>Where names lead that only the proxy knows, each to a port of this machine.</summary>
    public ConcurrentDictionary<string, int> Names { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The first line of every request, oldest first.</summary>
    public IReadOnlyCollection<string> Requests => _requests.ToArray();

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
            // Stopped.
        }

        await Task.WhenAll(connections);
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
                await ServeAsync(client.GetStream());
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // One of the two has had enough, or the test.
        }
    }

    private async Task ServeAsync(NetworkStream client)
    {
        while (await ReadHeadAsync(client) is { } head)
        {
            var lines = head.Split("\r\n");
            _requests.Enqueue(lines[0]);
            var words = lines[0].Split(' ');
            var login = Value(lines, "Proxy-Authorization");
            if (Login is not null && login != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Login)))
            {
                await AnswerAsync(client, "407 Proxy Authentication Required");
                return;
            }

            if (FailWith is { } status)
            {
                await AnswerAsync(client, status);
                return;
            }

            var target = words[0] == "CONNECT" ? new Uri("tunnel://" + words[1]) : new Uri(words[1]);
            using var server = new TcpClient();
            if (Names.TryGetValue(target.Host, out var port))
                await server.ConnectAsync(IPAddress.Loopback, port, _stopping.Token);
            else
                await server.ConnectAsync(target.Host, target.Port, _stopping.Token);
            var upstream = server.GetStream();
            if (words[0] == "CONNECT")
            {
                await client.WriteAsync("HTTP/1.1 200 Connection established\r\nX-Proxy: test\r\n\r\n"u8.ToArray(), _stopping.Token);
                await Task.WhenAny(client.CopyToAsync(upstream, _stopping.Token), upstream.CopyToAsync(client, _stopping.Token));
                return;
            }

            // One request for each connection to the host, as an old proxy does it.
            var headers = lines.Skip(1).Where(line => line.Length > 0 && !line.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase) && !line.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase));
            var request = $"{words[0]} {target.PathAndQuery} HTTP/1.1\r\n{string.Join("\r\n", headers)}\r\nConnection: close\r\n\r\n";
            await upstream.WriteAsync(Encoding.ASCII.GetBytes(request), _stopping.Token);
            var body = new byte[int.Parse(Value(lines, "Content-Length") ?? "0")];
            await client.ReadExactlyAsync(body, _stopping.Token);
            await upstream.WriteAsync(body, _stopping.Token);
            await upstream.CopyToAsync(client, _stopping.Token);
            return;
        }
    }

    private async Task AnswerAsync(NetworkStream client, string status) =>
        await client.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), _stopping.Token);

    private async Task<string?> ReadHeadAsync(NetworkStream client)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await client.ReadAsync(one, _stopping.Token) == 0)
                return null;
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    private static string? Value(string[] lines, string name) =>
        lines.FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];
}
