using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.Database;
using Ampora.TestServers;

namespace Ampora.Ingress.Tests;

public sealed class BodySpecs(PostgresServer postgres)
{
    private const int Megabyte = 1024 * 1024;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_content_type_and_any_body_up_to_25_MB_is_taken()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        foreach (var (type, body) in new (string?, byte[])[]
        {
            (null, []),
            ("application/json", "{ not json"u8.ToArray()),
            ("application/json", Encoding.UTF8.GetBytes(new string('[', 100_000))),
            ("application/x-www-form-urlencoded", "payload=%zz"u8.ToArray()),
            ("multipart/form-data; boundary=none", "--"u8.ToArray()),
            ("text/nonsense; charset=\"", [0, 1, 2, 255]),
            ("application/octet-stream", new byte[25 * Megabyte]),
        })
        {
            using var content = new ByteArrayContent(body);
            if (type is not null)
                content.Headers.TryAddWithoutValidation("Content-Type", type);
            content.Headers.TryAddWithoutValidation("Content-Encoding", "gzip");
            using var answer = await ingress.PostAsync("fleet", token, content);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }

        // Without a Content-Length, too.
        using var chunked = new StreamContent(new Zeros(25L * Megabyte));
        using var last = await ingress.PostAsync("fleet", token, chunked);
        Assert.Equal(HttpStatusCode.Accepted, last.StatusCode);
    }

    [Fact]
    public async Task A_body_that_says_it_is_too_large_is_refused_before_a_byte_of_it()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var answer = await ingress.SendRawAsync(
            $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: {30 * Megabyte}\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"body_too_large\"", answer, StringComparison.Ordinal);
        Assert.Empty(await store.DeliveriesAsync());
    }

    [Theory]
    [InlineData(true, "413")]
    [InlineData(false, "401")]
    public async Task A_sender_that_reads_nothing_before_its_whole_body_is_sent_still_gets_the_answer(bool authenticated, string status)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes(
                $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: {30 * Megabyte}\r\n{TestIngress.TokenHeader}: {(authenticated ? token : "wrong")}\r\n\r\n"),
            Cancellation);
        for (var i = 0; i < 30; i++)
            await stream.WriteAsync(new byte[Megabyte], Cancellation);

        Assert.StartsWith($"HTTP/1.1 {status} ", await TestIngress.ReadAnswerAsync(stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_webhook_is_answered_before_a_byte_of_its_body()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        foreach (var length in new[] { "Content-Length: 1000", $"Content-Length: {30 * Megabyte}", "Transfer-Encoding: chunked" })
        {
            var answer = await ingress.SendRawAsync($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\n{length}\r\n{TestIngress.TokenHeader}: wrong\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_hundred_endless_bodies_at_once_end_in_413_and_are_kept_nowhere()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        GC.Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var peak = 0L;
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var watch = Task.Run(
            async () =>
            {
                while (!watching.IsCancellationRequested)
                {
                    // What lives, not what waits to be collected.
                    peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true));
                    await Task.Delay(200, CancellationToken.None);
                }
            },
            Cancellation);

        var chunk = Encoding.Latin1.GetBytes($"10000\r\n{new string('x', 0x10000)}\r\n");
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SendEndlessAsync(ingress, token, chunk, TimeSpan.Zero)));

        await watching.CancelAsync();
        await watch;
        Assert.All(answers, a => Assert.StartsWith("HTTP/1.1 413 ", a, StringComparison.Ordinal));
        Assert.Empty(await store.DeliveriesAsync());
        // Kept, they would be 2.5 GB; Kestrel lets each run ahead by up to 1 MB, and the client's side of the sockets is in this process, too.
        Assert.InRange(peak - before, long.MinValue, 300L * Megabyte);
    }

    [Fact]
    public async Task A_body_that_drips_is_given_up_with_408()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n"), Cancellation);
        var answer = TestIngress.ReadAnswerAsync(stream);
        while (!answer.IsCompleted)
        {
            try
            {
                await stream.WriteAsync("x"u8.ToArray(), Cancellation);
            }
            catch (IOException)
            {
                break;
            }

            await Task.WhenAny(answer, Task.Delay(1000, Cancellation));
        }

        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        Assert.Empty(await store.DeliveriesAsync());
    }

    [Fact]
    public async Task A_body_that_comes_steadily_but_takes_too_long_is_given_up_with_408_and_holds_up_nobody()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, settings: ("Ampora:Ingress:BodySeconds", "2"));

        var chunk = Encoding.Latin1.GetBytes($"400\r\n{new string('x', 0x400)}\r\n");
        var slow = Enumerable.Range(0, 50).Select(_ => SendEndlessAsync(ingress, token, chunk, TimeSpan.FromMilliseconds(20))).ToArray();
        for (var i = 0; i < 20; i++)
        {
            using var quick = await ingress.PostAsync("fleet", token);
            Assert.Equal(HttpStatusCode.Accepted, quick.StatusCode);
        }

        Assert.All(await Task.WhenAll(slow), a => Assert.StartsWith("HTTP/1.1 408 ", a, StringComparison.Ordinal));
        Assert.Equal(20, (await store.DeliveriesAsync()).Count);
    }

    private static async Task<string> SendEndlessAsync(TestIngress ingress, string token, byte[] chunk, TimeSpan pause)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n"), Cancellation);
        var answer = TestIngress.ReadAnswerAsync(stream);
        try
        {
            while (!answer.IsCompleted)
            {
                await stream.WriteAsync(chunk, Cancellation);
                if (pause > TimeSpan.Zero)
                    await Task.WhenAny(answer, Task.Delay(pause, Cancellation));
            }
        }
        catch (IOException)
        {
            // The server has closed; its answer came before.
        }

        return await answer;
    }

    /// <summary>So many zeros.</summary>
    private sealed class Zeros(long length) : Stream
    {
        private long _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = (int)Math.Min(buffer.Length, _left);
            buffer.Span[..read].Clear();
            _left -= read;
            return ValueTask.FromResult(read);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
