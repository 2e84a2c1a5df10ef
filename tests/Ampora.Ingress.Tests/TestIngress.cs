using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.Contracts;
using Ampora.Hosting;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ampora.Ingress.Tests;

/// <summary>The whole service on a port of its own, with what it logs and what it publishes.</summary>
internal sealed class TestIngress : IAsyncDisposable
{
    public const string TokenHeader = "X-Ampora-Webhook-Token";

    private readonly WebApplication _app;
    private bool _stopped;

    private TestIngress(WebApplication app, CapturedLogs logs)
    {
        _app = app;
        Logs = logs;
        Address = new Uri(app.Urls.First());
        Client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 300, UseProxy = false }) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(30) };
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public CapturedLogs Logs { get; }

    public IServiceProvider Services => _app.Services;

    public Received Received => Services.GetRequiredService<Received>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Starts the service; without a broker on the in-memory bus, where the test receives what is published.</summary>
    public static async Task<TestIngress> StartAsync(string store, string? broker = null, params (string Key, string Value)[] settings)
    {
        var logs = new CapturedLogs();
        var all = new Dictionary<string, string?>
        {
            ["environment"] = "Development",
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:Store"] = store,
            ["ConnectionStrings:Broker"] = broker,
            ["AMPORA_MASTER_KEY"] = Convert.ToBase64String(new byte[32]),
            ["Ampora:Management:Port"] = "0",
        };
        foreach (var (key, value) in settings)
            all[key] = value;
        var app = ServiceHost.Build(
            broker is null ? ServiceHost.Standalone : "ingress",
            [],
            builder =>
            {
                builder.AddIngress();
                builder.Services.AddSingleton<Received>();
                builder.Logging.AddProvider(logs).AddFilter<CapturedLogs>(null, LogLevel.Trace);
            },
            bus =>
            {
                bus.AddIngressConsumers();
                if (broker is null)
                    bus.AddConsumer<ReceivingConsumer>();
            },
            app => app.MapIngress(),
            all);
        await app.StartAsync(Cancellation);
        return new TestIngress(app, logs);
    }

    /// <summary>Sends a webhook.</summary>
    public async Task<HttpResponseMessage> PostAsync(string source, string? token, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/git/webhook/{source}") { Content = content };
        if (token is not null)
            request.Headers.TryAddWithoutValidation(TokenHeader, token);
        return await Client.SendAsync(request, Cancellation);
    }

    /// <summary>Sends bytes as they are, and reads until the server has answered once or closed.</summary>
    public async Task<string> SendRawAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Address.Port, Cancellation);
        var stream = socket.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
            return await ReadAnswerAsync(stream);
        }
        catch (IOException)
        {
            return "closed";
        }
    }

    /// <summary>Reads an answer with its body, by its Content-Length or chunks, or until the end.</summary>
    public static async Task<string> ReadAnswerAsync(Stream stream, bool untilHeadOnly = false)
    {
        var answer = new StringBuilder();
        var buffer = new byte[16 * 1024];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var read = await stream.ReadAsync(buffer, deadline.Token);
            if (read == 0)
                return answer.ToString();
            answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            var text = answer.ToString();
            var head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head < 0)
                continue;
            if (untilHeadOnly)
                return text;
            var length = text.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase));
            if (length is null ? text.EndsWith("0\r\n\r\n", StringComparison.Ordinal) : text.Length >= head + 4 + int.Parse(length[16..], provider: null))
                return text;
        }
    }

    /// <summary>An orderly stop, as SIGTERM asks for.</summary>
    public async Task StopAsync()
    {
        _stopped = true;
        await _app.StopAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_stopped)
            await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}

/// <summary>What was published and has arrived.</summary>
internal sealed class Received
{
    public ConcurrentQueue<(TipCheckRequested Message, string? Trace)> Wakeups { get; } = new();
}

internal sealed class ReceivingConsumer(Received received) : IConsumer<TipCheckRequested>
{
    public Task Consume(ConsumeContext<TipCheckRequested> context)
    {
        received.Wakeups.Enqueue((context.Message, System.Diagnostics.Activity.Current?.TraceId.ToString()));
        return Task.CompletedTask;
    }
}

/// <summary>Everything that is logged, at every level.</summary>
internal sealed class CapturedLogs : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, string Category, string Text)> _lines = new();

    public IEnumerable<(LogLevel Level, string Category, string Text)> Lines => _lines;

    public int Count(LogLevel level, string text) => _lines.Count(l => l.Level == level && l.Text.Contains(text, StringComparison.Ordinal));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(CapturedLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            logs._lines.Enqueue((logLevel, category, $"{formatter(state, exception)} {exception}"));
    }
}
