using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ampora.TestServers.Hostile;

/// <summary>
/// A Git host that speaks the protocol (v2, smart HTTP) and sends what no friend would. No git is behind it: it could not be made to.
/// </summary>
public sealed class HostileGitHost : IAsyncDisposable
{
    private const int MaxPacket = 65_515;

    private static readonly byte[] Capabilities = Encoding.ASCII.GetBytes(
        Packet("# service=git-upload-pack\n") + "0000" + Packet("version 2\n") + Packet("ls-refs=unborn\n") + Packet("fetch=shallow\n") + Packet("object-format=sha1\n") + "0000");

    // Always the same ones, so that the host itself costs little.
    private static readonly byte[] ThousandRefs = Encoding.ASCII.GetBytes(
        string.Concat(Enumerable.Range(0, 1000).Select(i => Packet($"{new string('1', 40)} refs/heads/a{i:d7}\n"))));

    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping = new();

    private HostileGitHost(WebApplication app) => _app = app;

    /// <summary>The URL of a repository whose branch main is a commit of a pack.</summary>
    public string Url => _app.Urls.Single() + "/x.git";

    /// <summary>Serves one commit.</summary>
    public static Task<HostileGitHost> ServingAsync(string sha, byte[] pack) => StartAsync(async (request, body, cancellationToken) =>
    {
        if (request == HostileRequest.LsRefs)
        {
            await body.WriteAsync(Encoding.ASCII.GetBytes(Packet($"{sha} refs/heads/main\n") + "0000"), cancellationToken);
            return;
        }

        await body.WriteAsync(Encoding.ASCII.GetBytes(Packet("packfile\n")), cancellationToken);
        for (var at = 0; at < pack.Length; at += MaxPacket)
        {
            var count = Math.Min(MaxPacket, pack.Length - at);
            await body.WriteAsync(Encoding.ASCII.GetBytes((count + 5).ToString("x4", CultureInfo.InvariantCulture) + "\u0001"), cancellationToken);
            await body.WriteAsync(pack.AsMemory(at, count), cancellationToken);
        }

        await body.WriteAsync("0000"u8.ToArray(), cancellationToken);
    });

    /// <summary>Lists so many refs, whatever it is asked for.</summary>
    public static Task<HostileGitHost> ListingAsync(int refs) => StartAsync(async (_, body, cancellationToken) =>
    {
        const int atOnce = 1000;
        for (var first = 0; first < refs; first += atOnce)
            await body.WriteAsync(ThousandRefs, cancellationToken);
        await body.WriteAsync(Encoding.ASCII.GetBytes(Packet($"{new string('1', 40)} refs/heads/main\n") + "0000"), cancellationToken);
    });

    /// <summary>Takes every request for refs, and never answers it.</summary>
    public static Task<HostileGitHost> HangingAsync() => StartAsync((_, _, cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
            await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
        _stopping.Dispose();
    }

    private static async Task<HostileGitHost> StartAsync(Func<HostileRequest, Stream, CancellationToken, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var host = new HostileGitHost(builder.Build());
        host._app.Run(context => host.AnswerAsync(context, answer));
        await host._app.StartAsync();
        return host;
    }

    private async Task AnswerAsync(HttpContext context, Func<HostileRequest, Stream, CancellationToken, Task> answer)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token);
        try
        {
            if (HttpMethods.IsGet(context.Request.Method))
            {
                context.Response.ContentType = "application/x-git-upload-pack-advertisement";
                await context.Response.Body.WriteAsync(Capabilities, ending.Token);
                return;
            }

            using var request = new MemoryStream();
            await context.Request.Body.CopyToAsync(request, ending.Token);
            context.Response.ContentType = "application/x-git-upload-pack-result";
            var isFetch = request.ToArray().AsSpan().IndexOf("command=fetch"u8) >= 0;
            await answer(isFetch ? HostileRequest.Fetch : HostileRequest.LsRefs, context.Response.Body, ending.Token);
        }
        catch (Exception) when (ending.IsCancellationRequested)
        {
            context.Abort();
        }
    }

    private static string Packet(string line) => (line.Length + 4).ToString("x4", CultureInfo.InvariantCulture) + line;
}

/// <summary>What a hostile host is asked for.</summary>
public enum HostileRequest
{
    LsRefs,
    Fetch,
}
