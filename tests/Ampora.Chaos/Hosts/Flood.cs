using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.Chaos.Hosts;

/// <summary>Webhooks, as many as go, to many sources at once; some of them by strangers.</summary>
internal sealed class Flood(Deployment deployment, IReadOnlyList<WatchedSource> sources) : IDisposable
{
    private const int Senders = 96;
    private const int Strangers = 32;

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = Senders + Strangers })
    {
        BaseAddress = new Uri(deployment.BaseUrl),
        Timeout = TimeSpan.FromSeconds(30),
    };

    private readonly ConcurrentDictionary<string, int> _answers = new();
    private readonly ConcurrentBag<string> _acknowledged = [];
    private readonly ConcurrentBag<double> _milliseconds = [];

    /// <summary>How many answers of each kind there were, by what they were to.</summary>
    public IReadOnlyDictionary<string, int> Answers => _answers;

    /// <summary>The ids of the deliveries that were answered 202.</summary>
    public IReadOnlyCollection<string> Acknowledged => _acknowledged;

    /// <summary>What an honest sender waited for its answer, in milliseconds.</summary>
    public double Percentile(double share)
    {
        var sorted = _milliseconds.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * share)];
    }

    public Task RunAsync(CancellationToken until) =>
        Task.WhenAll(Enumerable.Range(0, Senders + Strangers).Select(i => SendAsync(i < Senders, i % Senders, until)));

    public void Dispose() => _client.Dispose();

    private async Task SendAsync(bool honest, int sender, CancellationToken until)
    {
        // Spread over all sources from the beginning, and each goes round.
        for (var i = sender * sources.Count / Senders; !until.IsCancellationRequested; i++)
        {
            var source = sources[i % sources.Count];
            var began = Stopwatch.GetTimestamp();
            string answer;
            try
            {
                using var response = await source.SendWebhookAsync(honest ? null : "amp_of-a-stranger", _client);
                answer = ((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
                if (response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Headers.RetryAfter is null)
                    answer += " without Retry-After";
                if (response.StatusCode == HttpStatusCode.Accepted)
                    _acknowledged.Add(JsonNode.Parse(await response.Content.ReadAsStringAsync(Deployment.Token))!["deliveryId"]!.GetValue<string>());
                if (honest)
                    _milliseconds.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or IOException or TaskCanceledException)
            {
                answer = e.GetBaseException().GetType().Name;
            }

            _answers.AddOrUpdate($"{(honest ? "honest" : "stranger")} {answer}", 1, (_, count) => count + 1);
        }
    }
}
