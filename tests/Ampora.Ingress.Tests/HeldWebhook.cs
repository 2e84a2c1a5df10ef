using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.Ingress.Tests;

/// <summary>A webhook that was authenticated and whose body is still to come, so that things can happen in between.</summary>
internal sealed class HeldWebhook : IDisposable
{
    private readonly TcpClient _socket = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Sends the head; the server asks for the body only after it has verified the token.</summary>
    public static async Task<HeldWebhook> SendHeadAsync(TestIngress ingress, string source, string token)
    {
        var held = new HeldWebhook();
        await held._socket.ConnectAsync(IPAddress.Loopback, ingress.Address.Port, Cancellation);
        await held.SendAsync(
            $"POST /api/git/webhook/{source} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 100 ", await TestIngress.ReadAnswerAsync(held._socket.GetStream(), untilHeadOnly: true), StringComparison.Ordinal);
        return held;
    }

    /// <summary>Sends the body and reads the answer.</summary>
    public async Task<string> FinishAsync()
    {
        await SendAsync("{}");
        return await TestIngress.ReadAnswerAsync(_socket.GetStream());
    }

    public void Dispose() => _socket.Dispose();

    private async Task SendAsync(string text) => await _socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text), Cancellation);
}
