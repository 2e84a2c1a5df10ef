using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.Database;
using Ampora.Ingress.Bodies;
using Ampora.Ingress.Tests.Hosts;
using Ampora.TestServers;
using Ampora.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Ingress.Tests.Bodies;

/// <summary>What is kept of bodies that never end, and what others notice of them.</summary>
public sealed class EndlessBodySpecs(PostgresServer postgres)
{
    private const int Megabyte = 1024 * 1024;

    private static readonly string Signature = $"X-Hub-Signature-256: sha256={new string('0', 64)}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Half of them prove nothing or lie at the shared endpoint, half look signed at a source's address.</summary>
    private static IEnumerable<string> Heads => Enumerable.Range(0, 100).Select(i => (i % 4) switch
    {
        0 => "POST /api/git/webhook HTTP/1.1\r\nX-GitHub-Event: push",
        1 => $"POST /api/git/webhook HTTP/1.1\r\nX-GitHub-Event: push\r\n{Signature}",
        2 => $"POST /api/git/webhook/fleet HTTP/1.1\r\n{Signature}",
        _ => $"POST /api/git/webhook/nobody HTTP/1.1\r\n{Signature}",
    });

    [Fact]
    public async Task A_hundred_endless_bodies_at_once_leave_the_memory_of_the_process_flat_and_others_served()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, "https://git.example/acme/fleet.git");
        await using var ingress = await IngressProcess.StartAsync(store.ConnectionString);
        async Task<HttpStatusCode> PushAsync(int i) => await MethodSpecs.Push("github").Signed(WebhookMethod.GitHub, secret).StatusAsync(ingress.Client, i % 2 == 0 ? "fleet" : null);

        // What a day's work needs: code compiled, connections open, a heap.
        for (var i = 0; i < 500; i++)
            Assert.Equal(HttpStatusCode.Accepted, await PushAsync(i));
        // And what a few such streams need: the budget is used up by four as well as by a hundred.
        await using (var few = EndlessBodies.Start(ingress.Address, Heads.Take(4)))
            await Eventually.HoldsAsync(() => few.Bytes > 1000L * Megabyte, "a few streams were turned away");
        var before = ingress.ResidentBytes();
        var peak = before;
        var statuses = new List<HttpStatusCode>();
        await using var endless = EndlessBodies.Start(ingress.Address, Heads);
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10) || endless.Bytes < 1000L * Megabyte; i++)
        {
            statuses.Add(await PushAsync(i));
            peak = Math.Max(peak, ingress.ResidentBytes());
        }

        // The streams take this machine's processors too, and a database that waits for one is answered for with a 503.
        Assert.InRange(statuses.Count(s => s == HttpStatusCode.Accepted), statuses.Count * 9 / 10, statuses.Count);
        Assert.All(statuses, s => Assert.Contains(s, new[] { HttpStatusCode.Accepted, HttpStatusCode.ServiceUnavailable }));
        // Measured: 40 MB. Kept, or read ahead by the server's usual 1 MiB for each, they would be many times as much.
        Assert.InRange(peak - before, long.MinValue, 100L * Megabyte);
        Assert.Contains("503", endless.Statuses);
    }

    [Fact]
    public async Task Every_buffer_is_given_back_however_a_body_ends()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, "https://git.example/acme/fleet.git");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, settings: ("Ampora:Ingress:BodySeconds", "2"));
        var budget = ingress.Services.GetRequiredService<BodyBudget>();
        var head = $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\n{Signature}\r\n";
        var piece = new string('x', 100_000);

        // Whole, and refused for its signature.
        Assert.StartsWith("HTTP/1.1 401 ", await ingress.SendRawAsync($"{head}Content-Length: 100000\r\n\r\n{piece}"), StringComparison.Ordinal);
        // Too large: by what it says, and by what comes.
        Assert.StartsWith("HTTP/1.1 413 ", await ingress.SendRawAsync($"{head}Content-Length: {30 * Megabyte}\r\n\r\n{piece}"), StringComparison.Ordinal);
        Assert.StartsWith(
            "HTTP/1.1 413 ",
            await ingress.SendRawAsync($"{head}Transfer-Encoding: chunked\r\n\r\n{26 * Megabyte:x}\r\n{new string('x', 26 * Megabyte)}\r\n0\r\n\r\n"),
            StringComparison.Ordinal);
        // Too slow.
        Assert.StartsWith("HTTP/1.1 408 ", await ingress.SendRawAsync($"{head}Content-Length: 200000\r\n\r\n{piece}"), StringComparison.Ordinal);
        // Malformed.
        Assert.StartsWith("HTTP/1.1 400 ", await ingress.SendRawAsync($"{head}Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\n"), StringComparison.Ordinal);
        // Given up by its sender.
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
            await socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes($"{head}Content-Length: 200000\r\n\r\n{piece}"), Cancellation);
            await Eventually.HoldsAsync(() => budget.HeldBytes > 0, "it is being kept");
            socket.Client.LingerState = new LingerOption(true, 0);
        }

        // Accepted.
        Assert.Equal(202, (await MethodSpecs.Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status);
        await Eventually.HoldsAsync(() => budget.HeldBytes == 0, "all is given back");
    }

    [Fact]
    public async Task A_body_that_must_give_way_is_answered_503_unless_its_sender_was_authenticated_without_it()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var budget = ingress.Services.GetRequiredService<BodyBudget>();
        using var signed = await LargeAsync(ingress, Signature);
        await Eventually.HoldsAsync(() => budget.HeldBytes > 19L * Megabyte, "the signed body is kept");
        using var authenticated = await LargeAsync(ingress, $"{TestIngress.TokenHeader}: {token}");

        // The second grows until both are equal to the budget; then the first, which is the larger, gives way, with its answer before its end.
        var refused = await TestIngress.ReadAnswerAsync(signed.GetStream());
        Assert.StartsWith("HTTP/1.1 503 ", refused, StringComparison.Ordinal);
        Assert.Contains("Retry-After: 1", refused, StringComparison.Ordinal);
        Assert.Contains("too_many_bodies", refused, StringComparison.Ordinal);

        // And the second, when somebody smaller comes and there is no room: it is read on, and accepted as one that says nothing.
        using var another = await LargeAsync(ingress, Signature, 14);
        await Eventually.HoldsAsync(() => budget.HeldBytes is > 13L * Megabyte and < 15L * Megabyte, "the larger one has given way");
        await authenticated.GetStream().WriteAsync(new byte[Megabyte], Cancellation);
        Assert.StartsWith("HTTP/1.1 202 ", await TestIngress.ReadAnswerAsync(authenticated.GetStream()), StringComparison.Ordinal);
    }

    /// <summary>Sends all of a body but its last megabyte.</summary>
    private static async Task<TcpClient> LargeAsync(TestIngress ingress, string header, int megabytes = 20)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
        await socket.GetStream().WriteAsync(
            Encoding.Latin1.GetBytes($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\n{header}\r\nContent-Type: application/json\r\nContent-Length: {(megabytes + 1) * Megabyte}\r\n\r\n"),
            Cancellation);
        await socket.GetStream().WriteAsync(new byte[megabytes * Megabyte], Cancellation);
        return socket;
    }
}
