using Ampora.TestServers;
using Microsoft.AspNetCore.Builder;

namespace Ampora.Hosting.Tests;

/// <summary>A service without a bus, composed as all services are.</summary>
internal sealed class ServiceUnderTest : IAsyncDisposable
{
    private ServiceUnderTest(WebApplication app, int managementPort)
    {
        App = app;
        Public = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Management = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{managementPort}") };
    }

    public WebApplication App { get; }

    public HttpClient Public { get; }

    public HttpClient Management { get; }

    public static async Task<ServiceUnderTest> StartAsync(Action<WebApplicationBuilder>? add = null, Action<WebApplication>? map = null, string environment = "Development")
    {
        var port = FreePort.Next();
        var app = Compose(new() { ["Ampora:Management:Port"] = $"{port}", ["environment"] = environment }, add, map);
        await app.StartAsync();
        return new ServiceUnderTest(app, port);
    }

    public static WebApplication Compose(Dictionary<string, string?> settings, Action<WebApplicationBuilder>? add = null, Action<WebApplication>? map = null)
    {
        settings.TryAdd("urls", "http://127.0.0.1:0");
        settings.TryAdd("Ampora:Management:Port", "0");
        return ServiceHost.Build("ingress", [], add ?? (_ => { }), consumers: null, map ?? (_ => { }), settings);
    }

    public async ValueTask DisposeAsync()
    {
        Public.Dispose();
        Management.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
