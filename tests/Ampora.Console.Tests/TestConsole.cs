using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ampora.Audit;
using Ampora.Database;
using Ampora.Hosting;
using Ampora.Store;
using Ampora.TestServers;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ampora.Console.Tests;

/// <summary>The whole service on a real database, with the real Audit service beside it on the in-memory bus.</summary>
public sealed class TestConsole : IAsyncDisposable
{
    public const string AdminToken = "amp_test-admin-token-that-is-long-enough-0123456789";

    private readonly WebApplication _app;
    private readonly List<HttpClient> _clients = [];
    private readonly SqliteFile _auditFile;

    private TestConsole(WebApplication app, SqliteFile auditFile, LogCapture logs)
    {
        _app = app;
        _auditFile = auditFile;
        Logs = logs;
        Address = new Uri(app.Urls.First());
        Admin = Client(AdminToken);
    }

    public Uri Address { get; }

    /// <summary>A client with the admin token.</summary>
    public HttpClient Admin { get; }

    /// <summary>What it has logged.</summary>
    public LogCapture Logs { get; }

    public IServiceProvider Services => _app.Services;

    public Database<StoreContext> Store => Services.GetRequiredService<Database<StoreContext>>();

    public static async Task<TestConsole> StartAsync(string storeConnection, bool withAudit = true, string? adminToken = AdminToken, params (string Key, string Value)[] settings)
    {
        var auditFile = new SqliteFile();
        var all = new Dictionary<string, string?>
        {
            ["environment"] = "Production",
            ["urls"] = "http://127.0.0.1:0",
            ["Ampora:Management:Port"] = "0",
            ["ConnectionStrings:Store"] = storeConnection,
            ["ConnectionStrings:Audit"] = auditFile.ConnectionString,
            ["AMPORA_MASTER_KEY"] = Convert.ToBase64String(new byte[32]),
            ["AMPORA_ADMIN_TOKEN"] = adminToken,
        };
        foreach (var (key, value) in settings)
            all[key] = value;
        var logs = new LogCapture();
        var app = ServiceHost.Build(
            ServiceHost.Standalone,
            [],
            builder =>
            {
                builder.Logging.AddProvider(logs);
                builder.Logging.AddFilter<LogCapture>(null, LogLevel.Trace);
                if (withAudit)
                    builder.AddAudit();
                builder.AddConsole();
            },
            bus =>
            {
                if (withAudit)
                    bus.AddAuditConsumers();
                bus.AddConsoleConsumers();
            },
            app =>
            {
                app.MapAudit();
                app.MapConsole();
            },
            all);
        await app.StartAsync();
        await app.Services.GetRequiredService<IBusControl>().WaitForHealthStatus(BusHealthStatus.Healthy, TimeSpan.FromSeconds(30));
        return new TestConsole(app, auditFile, logs);
    }

    /// <summary>A client with this token, or with none.</summary>
    public HttpClient Client(string? token)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        lock (_clients)
            _clients.Add(client);
        return client;
    }

    /// <summary>A client with a new token.</summary>
    public async Task<HttpClient> ClientAsync(string role, string[]? sources = null, object? labels = null)
    {
        var made = await Admin.SendJsonAsync(HttpMethod.Post, "/api/tokens", new { name = Unique("t"), role, sources, labels });
        return Client(made.Text("token"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _auditFile.Dispose();
    }

    /// <summary>A name that no other test has.</summary>
    public static string Unique(string prefix) => $"{prefix}-{Guid.NewGuid().ToString("n")[..12]}";

    /// <summary>Creates a source and answers its id.</summary>
    public async Task<string> CreateSourceAsync(object? labels = null, object? credential = null, bool paused = false, string? url = null)
    {
        var id = Unique("s");
        await Admin.SendJsonAsync(HttpMethod.Post, "/api/git/sources", new { id, url = url ?? $"https://git.example.com/acme/{id}.git", labels, credential, paused });
        return id;
    }
}

/// <summary>JSON calls that say what came back when it is not what was expected.</summary>
internal static class Calls
{
    public static async Task<HttpResponseMessage> CallAsync(
        this HttpClient client, HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is string text)
            request.Content = new StringContent(text, Encoding.UTF8, "application/json");
        else if (body is not null)
            request.Content = JsonContent.Create(body, options: JsonSerializerOptions.Web);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Calls, and takes the JSON of an answer that must be a success.</summary>
    public static async Task<JsonNode> SendJsonAsync(
        this HttpClient client, HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var response = await client.CallAsync(method, path, body, headers);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    public static Task<JsonNode> GetJsonAsync(this HttpClient client, string path) => client.SendJsonAsync(HttpMethod.Get, path);

    /// <summary>Calls, and takes the problem of an answer that must have this status and code.</summary>
    public static async Task<JsonNode> RefusedAsync(
        this HttpClient client, int status, string code, HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var response = await client.CallAsync(method, path, body, headers);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True((int)response.StatusCode == status, $"{method} {path}: {(int)response.StatusCode} {text}");
        // The problem of a HEAD is told by its status alone.
        if (method == HttpMethod.Head)
            return new JsonObject { ["code"] = code, ["title"] = "", ["detail"] = "" };
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(text)!;
        Assert.Equal(code, problem.Text("code"));
        Assert.NotEmpty(problem.Text("title"));
        Assert.NotEmpty(problem.Text("detail"));
        return problem;
    }

    public static string Text(this JsonNode node, string name) => node[name]!.GetValue<string>();

    public static IReadOnlyList<JsonNode> Items(this JsonNode page) => [.. page["items"]!.AsArray().Select(item => item!)];
}
