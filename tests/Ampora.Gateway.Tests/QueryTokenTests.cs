using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Ampora.Gateway.Front;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ampora.Gateway.Tests;

public sealed class QueryTokenTests
{
    private const string Secret = "amp_aXmjW0vT7QzKk5b3mVb1uQx2nY8sRfLd4EoHcGtP6";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("?token=abc", "", "abc")]
    [InlineData("?a=1&token=abc&b=2", "?a=1&b=2", "abc")]
    [InlineData("?%74oken=a%62c", "", "abc")]
    [InlineData("?TOKEN=abc", "", "abc")]
    [InlineData("?token", "", "")]
    [InlineData("?token=", "", "")]
    [InlineData("?token=abc%20", "", "")]
    [InlineData("?token=abc%00", "", "")]
    [InlineData("?token=abc%0d%0aX-Evil:1", "", "")]
    [InlineData("?token=%C3%A9", "", "")]
    [InlineData("?a=1&&b", "?a=1&&b", null)]
    [InlineData("?mytoken=x", "?mytoken=x", null)]
    [InlineData("?", "?", null)]
    [InlineData("", "", null)]
    public void A_token_is_taken_out_of_the_query_and_the_rest_stays(string query, string without, string? token)
    {
        Assert.Equal(token, QueryToken.Take(query, out var rest)?.Value);
        Assert.Equal(without, rest);
    }

    [Fact]
    public async Task A_token_in_the_query_arrives_in_the_header_and_in_no_URL()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync($"/api/git/webhook/fleet?a=1&token={Secret}", null, Cancelled)).StatusCode);
        var seen = replica.Requests.Single();
        Assert.Equal("/api/git/webhook/fleet?a=1", seen.Target);
        Assert.Equal(Secret, seen.Headers["X-Ampora-Webhook-Token"]);

        // Elsewhere it means nothing, and goes nowhere.
        await gateway.Client.GetAsync($"/api/git/sources?token={Secret}", Cancelled);
        Assert.DoesNotContain(Secret, string.Join(' ', replica.Requests.Last().Headers.Values) + replica.Requests.Last().Target, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_tokens_are_ambiguous()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        using var both = new HttpRequestMessage(HttpMethod.Post, "/api/git/webhook/fleet?token=a");
        both.Headers.Add("X-Ampora-Webhook-Token", "a");
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.Client.SendAsync(both, Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.Client.PostAsync("/api/git/webhook/fleet?token=a&token=b", null, Cancelled)).StatusCode);
        Assert.Empty(replica.Requests);
    }

    [Fact]
    public async Task A_token_is_in_no_log_no_span_and_no_metric_even_when_everything_is_recorded()
    {
        var recorded = new ConcurrentQueue<string>();
        using var spans = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => recorded.Enqueue($"{activity.DisplayName} {string.Join(' ', activity.TagObjects)} {string.Join(' ', activity.Events.SelectMany(e => e.Tags))}"),
        };
        ActivitySource.AddActivityListener(spans);
        using var metrics = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        metrics.SetMeasurementEventCallback<double>((_, _, tags, _) => recorded.Enqueue(string.Join(' ', tags.ToArray())));
        metrics.SetMeasurementEventCallback<long>((_, _, tags, _) => recorded.Enqueue(string.Join(' ', tags.ToArray())));
        metrics.Start();

        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address], add: builder =>
        {
            builder.Logging.AddFilter(null, LogLevel.Trace);
            builder.Services.Configure<LoggerFilterOptions>(filters =>
            {
                filters.Rules.Clear();
                filters.MinLevel = LogLevel.Trace;
            });
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(new Recorder(recorded));
        });
        await gateway.Client.PostAsync($"/api/git/webhook/fleet?token={Secret}", null, Cancelled);
        await gateway.Client.PostAsync($"/api/git/webhook/fleet/more?a=b&token={Secret}", null, Cancelled);
        await gateway.Client.GetAsync($"/api/git/webhook/fleet?token={Secret}", Cancelled);
        await gateway.Client.PostAsync($"/api/git/webhook/fl%2feet?token={Secret}", null, Cancelled);

        Assert.Contains(recorded, line => line.Contains("/api/git/webhook/fleet", StringComparison.Ordinal));
        // The test's own client records what it sends.
        Assert.DoesNotContain(recorded, line => line.Contains(Secret, StringComparison.Ordinal) && !line.Contains("System.Net.Http", StringComparison.Ordinal));
    }

    private sealed class Recorder(ConcurrentQueue<string> recorded) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            recorded.Enqueue(state.ToString() ?? "");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            recorded.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
