using System.Collections.Concurrent;
using Ampora.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Logging;

namespace Ampora.Gateway.Tests;

/// <summary>What stands behind the gateway: answers 202 and remembers what it was asked.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Replica(WebApplication app)
    {
        _app = app;
    }

    public ConcurrentQueue<Seen> Requests { get; } = [];

    public Uri Address => new(_app.Urls.First());

    public static async Task<Replica> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        var replica = new Replica(builder.Build());
        replica._app.Run(replica.AnswerAsync);
        await replica._app.StartAsync();
        return replica;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/healthz"))
            return;
        var length = 0L;
        var buffer = new byte[64 * 1024];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer)) > 0;)
            length += read;
        Requests.Enqueue(new Seen(
            context.Request.Method, context.Request.GetEncodedPathAndQuery(), context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), length));
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        await context.Response.WriteAsync("taken");
    }
}

internal sealed record Seen(string Method, string Target, Dictionary<string, string> Headers, long BodyLength);

/// <summary>A gateway as it runs, on a port of its own.</summary>
internal sealed class GatewayUnderTest : IAsyncDisposable
{
    private GatewayUnderTest(WebApplication app)
    {
        App = app;
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = Address };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public Uri Address => new(App.Urls.First(url => url.StartsWith("http://", StringComparison.Ordinal)));

    /// <summary>Starts it in front of these replicas; by default webhooks may come over plain HTTP, as in Development.</summary>
    public static async Task<GatewayUnderTest> StartAsync(
        IEnumerable<Uri> ingress, IEnumerable<Uri> console, Dictionary<string, string?>? settings = null, Action<WebApplicationBuilder>? add = null)
    {
        var app = Compose(new Dictionary<string, string?>(settings ?? [])
        {
            ["Ampora:Gateway:Ingress"] = string.Join(',', ingress),
            ["Ampora:Gateway:Console"] = string.Join(',', console),
        }, add);
        await app.StartAsync();
        return new GatewayUnderTest(app);
    }

    public static WebApplication Compose(Dictionary<string, string?> settings, Action<WebApplicationBuilder>? add = null)
    {
        settings.TryAdd("urls", "http://127.0.0.1:0");
        settings.TryAdd("environment", "Development");
        settings.TryAdd("Ampora:Management:Port", "0");
        return ServiceHost.Build(
            ServiceHost.Gateway,
            [],
            builder =>
            {
                builder.AddGateway();
                add?.Invoke(builder);
            },
            consumers: null,
            gateway => gateway.MapGateway(),
            settings);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
