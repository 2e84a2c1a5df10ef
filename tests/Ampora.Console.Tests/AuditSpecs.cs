using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ampora.Database;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class AuditSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_change_is_recorded_with_who_what_and_from_where_and_no_secret(DatabaseDialect dialect)
    {
        const string secret = "hunter2-secret-password";
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(credential: new { type = "basic", username = "u", password = secret });
        var path = $"/api/git/sources/{id}";
        await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { description = "new", pollIntervalSeconds = 5, credential = new { type = "bearer", token = secret } });
        var request = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/check");
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/pause", new { reason = "because" });
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/resume");
        var token = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/webhook/token", new { overlapSeconds = 5 })).Text("token");
        await console.Admin.SendJsonAsync(HttpMethod.Delete, $"{path}/webhook/token");
        await console.Admin.SendJsonAsync(HttpMethod.Delete, path);

        string[] expected =
        [
            "source.deleted", "source.token_revoked", "source.token_generated", "source.resumed", "source.paused", "source.check_requested", "source.changed", "source.created",
        ];
        var entries = await EntriesAsync(console.Admin, $"/api/audit?subject=source:{id}", expected.Length);
        // The broker may change the order of what was published at almost the same moment.
        Assert.Equal(expected.Order(StringComparer.Ordinal), entries.Select(e => e.Text("action")).Order(StringComparer.Ordinal));
        Assert.All(entries, e => Assert.Equal(("token:admin", $"source:{id}", 1L), (e.Text("actor"), e.Text("subject"), e["count"]!.GetValue<long>())));
        Assert.All(entries, e => Assert.NotEmpty(e.Text("remoteIp")));
        Assert.All(entries, e => Assert.EndsWith("Z", e.Text("occurredAt"), StringComparison.Ordinal));
        var changed = Assert.Single(entries, e => e.Text("action") == "source.changed")["detail"]!;
        Assert.Equal("description, pollIntervalSeconds, credential", changed.Text("changed"));
        Assert.Equal(("60", "5"), (changed.Text("pollIntervalSeconds.before"), changed.Text("pollIntervalSeconds.after")));
        Assert.Equal(request.Text("requestId"), Assert.Single(entries, e => e.Text("action") == "source.check_requested")["detail"]!.Text("requestId"));
        Assert.All(entries, e => Assert.DoesNotContain(secret, e.ToJsonString(), StringComparison.Ordinal));
        Assert.All(entries, e => Assert.DoesNotContain(token, e.ToJsonString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_log_is_filtered_paged_verified_and_exported(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        for (var i = 0; i < 4; i++)
            await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = $"{i}" });
        var all = await EntriesAsync(console.Admin, $"/api/audit?subject=source:{id}", 5);
        Assert.Equal(all.Select(e => e["auditId"]!.GetValue<long>()).OrderDescending(), all.Select(e => e["auditId"]!.GetValue<long>()));

        var first = await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&limit=3");
        var second = await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&limit=3&cursor={first.Text("next")}");
        Assert.Equal(all.Select(e => e["auditId"]!.GetValue<long>()), first.Items().Concat(second.Items()).Select(e => e["auditId"]!.GetValue<long>()));
        Assert.Null(second["next"]);
        Assert.Equal(4, (await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&action=source.changed&actor=token:admin")).Items().Count);
        Assert.Empty((await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&to=2020-01-01T00:00:00Z")).Items());
        Assert.Equal(5, (await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&from=2020-01-01T00:00:00%2B02:00")).Items().Count);

        var verified = await console.Admin.GetJsonAsync("/api/audit/verify");
        Assert.Equal(["ok", "entries", "firstBad", "head", "retiredThrough", "exportedHeads"], verified.AsObject().Select(m => m.Key));
        Assert.True(verified["ok"]!.GetValue<bool>());

        using var export = await console.Admin.CallAsync(HttpMethod.Get, $"/api/audit/export?subject=source:{id}");
        Assert.Equal("application/x-ndjson", export.Content.Headers.ContentType!.MediaType);
        var lines = (await export.Content.ReadAsStringAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(all.Select(e => e["auditId"]!.GetValue<long>()).Order(), lines.Select(e => e["auditId"]!.GetValue<long>()));
        // A run's detail has times, whose '+' one JSON writer escapes and the next does not: what is exported is what was hashed.
        var swept = await console.CreateSourceAsync();
        await console.SweepAsync(swept, ("a.txt", "100644", Sweeping.Bytes("a")));
        await EntriesAsync(console.Admin, $"/api/audit?subject=source:{swept}&action=run.succeeded", 1);
        using var whole = await console.Admin.CallAsync(HttpMethod.Get, "/api/audit/export");
        var exported = (await whole.Content.ReadAsStringAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enumerable.Range(1, exported.Length).Select(i => (long)i), exported.Select(l => JsonNode.Parse(l)!["auditId"]!.GetValue<long>()));
        var previous = new byte[32];
        foreach (var line in exported)
            previous = HashOf(line, previous);
    }

    [Theory]
    [InlineData("from=yesterday", "from")]
    [InlineData("to=2026-01-01", "to")]
    [InlineData("actor=%00", "actor")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("limit=1000", "limit")]
    public async Task A_bad_filter_is_refused_by_name(string query, string parameter)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(400, "invalid_query", HttpMethod.Get, $"/api/audit?{query}");
        Assert.NotNull(problem["errors"]![parameter]);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_limited_token_reads_the_entries_of_its_sources_alone(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var team = TestConsole.Unique("team");
        var mine = await console.CreateSourceAsync(labels: new { team });
        var others = await console.CreateSourceAsync();
        await EntriesAsync(console.Admin, $"/api/audit?subject=source:{mine}", 1);
        await EntriesAsync(console.Admin, $"/api/audit?subject=source:{others}", 1);
        foreach (var limited in new[] { await console.ClientAsync("viewer", sources: [mine]), await console.ClientAsync("viewer", labels: new { team }) })
        {
            Assert.All((await limited.GetJsonAsync("/api/audit?limit=200")).Items(), e => Assert.Equal($"source:{mine}", e.Text("subject")));
            Assert.Single((await limited.GetJsonAsync("/api/audit?action=source.created")).Items());
            Assert.Empty((await limited.GetJsonAsync($"/api/audit?subject=source:{others}")).Items());
        }

        Assert.Empty((await (await console.ClientAsync("viewer", sources: [])).GetJsonAsync("/api/audit")).Items());
    }

    [Fact]
    public async Task Refused_requests_are_counted_exactly_and_grouped()
    {
        await using var console = await TestConsole.StartAsync(await consoles.CreateDatabaseAsync(DatabaseDialect.Postgres));
        var guesses = Enumerable.Range(0, 50).Select(i => console.Client($"guess-{i}").RefusedAsync(401, "unauthorized", HttpMethod.Get, "/api/git/sources"));
        await Task.WhenAll(guesses);
        await EntriesAsync(console.Admin, "/api/audit?action=api.refused", 1);
        await console.Services.GetRequiredService<Access.RefusalLedger>().RecordAsync(all: true, Stop);
        for (var attempt = 0; ; attempt++)
        {
            var entries = (await console.Admin.GetJsonAsync("/api/audit?action=api.refused")).Items();
            if (entries.Sum(e => e["count"]!.GetValue<long>()) == 50)
            {
                Assert.InRange(entries.Count, 1, 10);
                Assert.All(entries, e => Assert.Equal(("address:127.0.0.1", "unknown_token"), (e.Text("actor"), e["detail"]!.Text("reason"))));
                Assert.All(entries, e => Assert.DoesNotContain("guess", e.ToJsonString(), StringComparison.Ordinal));
                return;
            }

            Assert.True(attempt < 100, "The counts did not arrive.");
            await Task.Delay(100, Stop);
        }
    }

    [Fact]
    public async Task A_log_that_is_away_is_said_to_be_and_changes_go_on()
    {
        await using var console = await TestConsole.StartAsync(await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite), withAudit: false);
        await console.CreateSourceAsync();
        using var response = await console.Admin.CallAsync(HttpMethod.Get, "/api/audit");
        Assert.Equal(503, (int)response.StatusCode);
        Assert.True(response.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        await console.Admin.RefusedAsync(503, "audit_unavailable", HttpMethod.Get, "/api/audit/export");
    }

    /// <summary>Computes an exported entry's hash as docs/audit.md says, and expects it to be the one that it has.</summary>
    private static byte[] HashOf(string line, byte[] previous)
    {
        var entry = JsonDocument.Parse(line).RootElement;
        using var hashed = new MemoryStream();
        void Number(long value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(bytes, value);
            hashed.Write(bytes);
        }

        void Text(string? text)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, text is null ? -1 : Encoding.UTF8.GetByteCount(text));
            hashed.Write(length);
            hashed.Write(Encoding.UTF8.GetBytes(text ?? ""));
        }

        void Time(string name) => Number((entry.GetProperty(name).GetDateTimeOffset().UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / 10);

        hashed.WriteByte(1);
        hashed.Write(previous);
        Number(entry.GetProperty("auditId").GetInt64());
        hashed.Write(Convert.FromHexString(entry.GetProperty("messageId").GetString()!.Replace("-", "", StringComparison.Ordinal)));
        Time("occurredAt");
        Time("recordedAt");
        foreach (var name in (string[])["actor", "action", "subject", "remoteIp"])
            Text(entry.GetProperty(name).GetString());
        Number(entry.GetProperty("count").GetInt64());
        Text(entry.GetProperty("runId").GetString());
        Text(entry.GetProperty("detail").GetRawText());
        var hash = System.Security.Cryptography.SHA256.HashData(hashed.ToArray());
        Assert.True(entry.GetProperty("hash").GetString() == Convert.ToHexStringLower(hash), $"This line does not give its hash: {line}");
        return hash;
    }

    /// <summary>Waits until a query finds so many entries: they arrive behind the answers.</summary>
    private static async Task<IReadOnlyList<JsonNode>> EntriesAsync(HttpClient client, string query, int count)
    {
        for (var attempt = 0; ; attempt++)
        {
            var entries = (await client.GetJsonAsync(query)).Items();
            if (entries.Count >= count)
                return entries;
            Assert.True(attempt < 200, $"{query} found {entries.Count} entries, not {count}.");
            await Task.Delay(100, Stop);
        }
    }
}
