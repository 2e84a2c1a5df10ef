using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Npgsql;

namespace Ampora.Chaos;

/// <summary>Waits until everything has healed, and then compares what is seen with the journal. The deadline is generous, what is compared is exact.</summary>
public static class Checker
{
    // For the last back-off, a lease that must end and a broker that must be found again, on a machine that does other things too.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // What is duplicated comes late: a message that is delivered once more, a relay that sends again what was recorded.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(6);

    /// <summary>Checks.</summary>
    /// <param name="deployment">The deployment, all of whose parts run again.</param>
    /// <param name="journal">What was attempted and acknowledged.</param>
    /// <param name="patience">How long healing may take; four minutes unless given.</param>
    public static async Task<Report> CheckAsync(DistributedDeployment deployment, Journal journal, TimeSpan? patience = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(patience ?? Patience);
        Report? report = null;
        Exception? failure = null;
        var settled = false;
        while (true)
        {
            try
            {
                var seen = await ObserveAsync(deployment, journal, deadline.Token);
                report = Verdict.Of(journal, seen);
                // What lists the queues takes seconds: for the last look.
                if (report.IsClean && settled)
                    report = Verdict.Of(journal, seen with { BadQueues = await BadQueuesAsync(deployment, deadline.Token) });
                if (report.IsClean && settled)
                    return report;
                settled = report.IsClean;
                failure = null;
                await Task.Delay(settled ? Settling : Pause, deadline.Token);
            }
            catch (OperationCanceledException) when (deadline.IsCancellationRequested && !Deployment.Token.IsCancellationRequested)
            {
                if (report is { IsClean: false })
                    return report;
                Assert.Fail($"Nothing could be observed in time: {failure?.Message}\n{deployment.Logs()}");
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or NpgsqlException or JsonException or IOException or OperationCanceledException && !deadline.IsCancellationRequested)
            {
                // Not healed yet.
                failure = e;
                await Task.Delay(Pause, CancellationToken.None);
            }
        }
    }

    private static async Task<Observation> ObserveAsync(DistributedDeployment deployment, Journal journal, CancellationToken cancellationToken)
    {
        var api = deployment.Api;
        var sources = journal.Sources;
        var tips = new List<ObservedTip>();
        await foreach (var source in PagesAsync(api, "/api/git/sources", cancellationToken))
        {
            var id = Text(source["id"])!;
            if (sources.Contains(id))
                tips.Add(new ObservedTip(id, Text(source["state"]!["tip"]?["sha"]), await journal.TipAsync(id)));
        }

        // What causes is read before what it causes: a delivery before its run, a run before its entry.
        var deliveries = new List<ObservedDelivery>();
        var runs = new List<ObservedRun>();
        foreach (var id in tips.Select(t => t.Source))
        {
            await foreach (var d in PagesAsync(api, $"/api/git/sources/{id}/deliveries", cancellationToken))
            {
                deliveries.Add(new ObservedDelivery(
                    Text(d["deliveryId"])!, id, Text(d["senderDeliveryId"]), Time(d["receivedAt"]), Text(d["verdict"])!, Text(d["result"]), Text(d["runId"])));
            }
        }

        foreach (var id in tips.Select(t => t.Source))
        {
            var own = new List<ObservedRun>();
            await foreach (var r in PagesAsync(api, $"/api/git/sources/{id}/runs", cancellationToken))
            {
                own.Add(new ObservedRun(
                    Text(r["runId"])!, id, Text(r["outcome"])!, Text(r["previousSha"]), Text(r["sha"]), r["recoveredAfterFailures"]!.GetValue<int>(), Time(r["startedAt"]), r["auditId"]?.GetValue<long>()));
            }

            own.Reverse();
            runs.AddRange(own);
        }

        var entries = await EntriesAsync(api, cancellationToken);
        var verified = JsonNode.Parse(await api.GetStringAsync("/api/audit/verify", cancellationToken))!;
        return new Observation
        {
            Tips = tips,
            Deliveries = deliveries,
            Runs = runs,
            Entries = entries,
            AuditOk = verified["ok"]!.GetValue<bool>(),
            RepeatedSweeps = await RepeatedSweepsAsync(deployment, cancellationToken),
        };
    }

    private static async IAsyncEnumerable<JsonNode> PagesAsync(
        HttpClient api, string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (string? cursor = null; ;)
        {
            var page = await api.GetFromJsonAsync<JsonNode>($"{path}?limit=200{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}", cancellationToken);
            foreach (var item in page!["items"]!.AsArray())
                yield return item!;
            cursor = Text(page["next"]);
            if (cursor is null)
                yield break;
        }
    }

    private static async Task<IReadOnlyList<ObservedEntry>> EntriesAsync(HttpClient api, CancellationToken cancellationToken)
    {
        var entries = new List<ObservedEntry>();
        using var reader = new StreamReader(await api.GetStreamAsync("/api/audit/export", cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            var entry = JsonNode.Parse(line)!;
            entries.Add(new ObservedEntry(
                entry["auditId"]!.GetValue<long>(),
                Text(entry["action"])!,
                Text(entry["subject"])!,
                Text(entry["runId"]),
                // What was there before belongs to another entry.
                [.. entry["detail"]!.AsObject().Where(d => d.Value is JsonValue && !d.Key.EndsWith(".before", StringComparison.Ordinal)).Select(d => d.Value!.ToString())]));
        }

        return entries;
    }

    private static async Task<IReadOnlyList<string>> RepeatedSweepsAsync(DistributedDeployment deployment, CancellationToken cancellationToken)
    {
        await using var store = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(deployment.StoreAddress) { Pooling = false }.ToString());
        await using var command = store.CreateCommand("SELECT source_id || ', ' || config || ', ' || sha FROM sweeps GROUP BY source_id, config, sha HAVING count(*) > 1");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var repeated = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
            repeated.Add(reader.GetString(0));
        return repeated;
    }

    private static async Task<IReadOnlyList<string>> BadQueuesAsync(DistributedDeployment deployment, CancellationToken cancellationToken)
    {
        string listed;
        try
        {
            listed = await deployment.Broker.ControlAsync(cancellationToken, "list_queues", "-p", deployment.VirtualHost, "name", "messages");
        }
        catch (InvalidOperationException e)
        {
            throw new HttpRequestException(e.Message, e);
        }

        return [.. listed.Split('\n').Select(l => l.Trim().Split('\t')).Where(l => l.Length == 2 && l[1] != "0" && IsBad(l[0])).Select(l => $"{l[0]} has {l[1]} messages")];
    }

    private static bool IsBad(string queue) => queue.EndsWith("_error", StringComparison.Ordinal) || queue.EndsWith("_skipped", StringComparison.Ordinal);

    private static string? Text(JsonNode? node) => node?.GetValue<string>();

    private static DateTimeOffset Time(JsonNode? node) => node!.GetValue<DateTimeOffset>();
}
