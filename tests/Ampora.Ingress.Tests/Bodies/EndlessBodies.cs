using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.Ingress.Tests.Bodies;

/// <summary>Streams that never end, so many at once: whoever is turned away comes again at once.</summary>
internal sealed class EndlessBodies : IAsyncDisposable
{
    private static readonly byte[] Chunk = Encoding.Latin1.GetBytes($"10000\r\n{new string('x', 0x10000)}\r\n");

    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly Task _streams;
    private readonly Uri _server;
    private long _bytes;

    private EndlessBodies(Uri server, IEnumerable<string> heads)
    {
        _server = server;
        _streams = Task.WhenAll(heads.Select(head => Task.Run(() => StreamAsync(head))));
    }

    /// <summary>How much was sent so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>The statuses that came back.</summary>
    public System.Collections.Concurrent.ConcurrentBag<string> Statuses { get; } = [];

    /// <summary>Starts a stream for each head (request line and headers but those of the body).</summary>
    public static EndlessBodies Start(Uri server, IEnumerable<string> heads) => new(server, heads);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _streams;
        _stop.Dispose();
    }

    private async Task StreamAsync(string head)
    {
        while (!_stop.IsCancellationRequested)
        {
            using var socket = new TcpClient();
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, _server.Port, _stop.Token);
                var stream = socket.GetStream();
                await stream.WriteAsync(Encoding.Latin1.GetBytes($"{head}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), _stop.Token);
                var answer = TestIngress.ReadAnswerAsync(stream, untilHeadOnly: true);
                while (!answer.IsCompleted)
                {
                    await stream.WriteAsync(Chunk, _stop.Token);
                    Interlocked.Add(ref _bytes, Chunk.Length);
                }

                Statuses.Add((await answer).Split(' ')[1]);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or IndexOutOfRangeException)
            {
                // Turned away, or told to stop.
            }
        }
    }
}
