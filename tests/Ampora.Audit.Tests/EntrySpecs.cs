using System.Text;
using System.Text.Json;
using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Contracts;

namespace Ampora.Audit.Tests;

public sealed class EntrySpecs
{
    [Fact]
    public void A_run_becomes_an_entry_with_all_that_change_control_asks_for()
    {
        var run = SampleRuns.Succeeded();

        var entry = NewEntry.From(Guid.NewGuid(), run);

        Assert.Equal(("address:192.0.2.7", "run.succeeded", "source:fleet", "192.0.2.7", run.RunId), (entry.Actor, entry.Action, entry.Subject, entry.RemoteIp, entry.RunId));
        Assert.Equal(run.CompletedAt, entry.OccurredAt);
        var detail = JsonDocument.Parse(entry.Detail).RootElement;
        Assert.Equal("https://git.example.org/acme/fleet.git", detail.GetProperty("url").GetString());
        Assert.Equal("main", detail.GetProperty("ref").GetString());
        Assert.Equal("webhook", detail.GetProperty("trigger").GetString());
        Assert.Equal("dlv_1", detail.GetProperty("triggeredBy")[0].GetProperty("deliveryId").GetString());
        Assert.Equal(run.PreviousSha, detail.GetProperty("previousSha").GetString());
        Assert.Equal(run.Sha, detail.GetProperty("sha").GetString());
        Assert.False(detail.GetProperty("forced").GetBoolean());
        Assert.False(detail.GetProperty("reused").GetBoolean());
        Assert.Equal("Raise the limits", detail.GetProperty("commit").GetProperty("subject").GetString());
        Assert.Equal("a.yaml", detail.GetProperty("changes")[0].GetProperty("path").GetString());
        Assert.Equal(1, detail.GetProperty("counts").GetProperty("modified").GetInt32());
        Assert.Equal(run.RequestedAt, detail.GetProperty("requestedAt").GetDateTimeOffset());
    }

    [Fact]
    public void A_failed_run_says_what_went_wrong_and_that_nobody_asked_for_it()
    {
        var entry = NewEntry.From(Guid.NewGuid(), SampleRuns.Failed());

        Assert.Equal(("system", "run.failed"), (entry.Actor, entry.Action));
        Assert.Null(entry.RemoteIp);
        Assert.Equal("authentication_failed", JsonDocument.Parse(entry.Detail).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("manual", "token:ops", "token:ops")]
    [InlineData("manual", "ops", "token:ops")]
    [InlineData("initial", "user:ada", "user:ada")]
    [InlineData("webhook", null, "system")]
    public void The_actor_of_a_run_is_who_asked_for_it(string trigger, string? asked, string actor)
    {
        var kind = trigger == "initial" ? "manual" : trigger;
        var run = SampleRuns.Succeeded() with { Trigger = trigger, TriggeredBy = [new RunTrigger("poll", null, null, null), new RunTrigger(kind, null, "req_1", asked)] };

        Assert.Equal(actor, NewEntry.From(Guid.NewGuid(), run).Actor);
    }

    [Fact]
    public void Particulars_are_in_one_order_whatever_order_they_came_in()
    {
        var message = new AuditRecorded { OccurredAt = DateTimeOffset.UnixEpoch, Actor = "system", Action = "a.b", Subject = "c:d" };

        Assert.Equal(
            """{"a":"1","b":"\u00E9"}""",
            NewEntry.From(Guid.NewGuid(), message with { Detail = new Dictionary<string, string> { ["b"] = "é", ["a"] = "1" } }).Detail);
    }

    [Fact]
    public void The_hash_is_the_documented_one()
    {
        // Computed apart from this code, from the format's description.
        var expected = new List<byte> { 1 };
        expected.AddRange(new byte[32]);
        expected.AddRange([0, 0, 0, 0, 0, 0, 0, 1]);
        expected.AddRange([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        expected.AddRange([0, 0, 0, 0, 0, 0x0f, 0x42, 0x40]);
        expected.AddRange([0, 0, 0, 0, 0, 0x1e, 0x84, 0x80]);
        foreach (var text in (string[])["system", "run.failed", "source:é"])
        {
            expected.AddRange([0, 0, 0, (byte)Encoding.UTF8.GetByteCount(text)]);
            expected.AddRange(Encoding.UTF8.GetBytes(text));
        }

        expected.AddRange([0xff, 0xff, 0xff, 0xff]);
        expected.AddRange([0, 0, 0, 0, 0, 0, 0, 3]);
        expected.AddRange([0, 0, 0, 0]);
        expected.AddRange([0, 0, 0, 2, (byte)'{', (byte)'}']);

        Assert.Equal(System.Security.Cryptography.SHA256.HashData(expected.ToArray()), EntryHash.Compute(Row()));
    }

    [Fact]
    public void Moving_a_character_from_one_field_to_the_next_changes_the_hash()
    {
        var row = Row();
        row.Actor = "systemr";
        row.Action = "un.failed";

        Assert.NotEqual(EntryHash.Compute(Row()), EntryHash.Compute(row));
    }

    private static AuditEntryRow Row() => new()
    {
        AuditId = 1,
        MessageId = Guid.Parse("01234567-89ab-cdef-0123-456789abcdef"),
        OccurredAt = DateTimeOffset.UnixEpoch.AddSeconds(1),
        RecordedAt = DateTimeOffset.UnixEpoch.AddSeconds(2),
        Actor = "system",
        Action = "run.failed",
        Subject = "source:é",
        RemoteIp = null,
        Count = 3,
        RunId = "",
        Detail = "{}",
        PreviousHash = EntryHash.Genesis,
    };
}
