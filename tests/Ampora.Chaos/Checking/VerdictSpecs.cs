namespace Ampora.Chaos.Checking;

/// <summary>The checker is shown a history in which all is well, and then that history with one thing wrong each.</summary>
public sealed class VerdictSpecs
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private static readonly ObservedRun First = new("run_1", "fleet", "succeeded", null, "a", 0, Noon, 1);
    private static readonly ObservedRun Second = new("run_2", "fleet", "succeeded", "a", "b", 0, Noon.AddSeconds(11), 2);
    private static readonly ObservedDelivery Kept = new("dlv_1", "fleet", "sender-1", Noon.AddSeconds(10), "accepted", "run", "run_2");
    private static readonly ObservedEntry Changed = new(3, "source.changed", "source:fleet", null, ["description", "mark 1"]);

    private static readonly Observation Good = new()
    {
        Tips = [new ObservedTip("fleet", "b", "b")],
        Runs = [First, Second],
        Deliveries = [Kept],
        Entries =
        [
            new ObservedEntry(1, "run.succeeded", "source:fleet", "run_1", []),
            new ObservedEntry(2, "run.succeeded", "source:fleet", "run_2", []),
            Changed,
        ],
    };

    private static readonly Webhook Sent = new("github", "fleet", "b", "sender-1", Noon.AddSeconds(10), 202, "dlv_1", "accepted", false, null);

    private static readonly Webhook Unanswered = Sent with { Status = null, DeliveryId = null, Verdict = null };

    private static readonly Act Marked = new("fleet", "source.changed", "mark 1", Noon, 200, null);

    [Fact]
    public void A_history_in_which_all_is_well_has_no_findings() => Assert.True(Judge(Good).IsClean, Judge(Good).ToString());

    [Fact]
    public void A_tip_that_is_not_the_repositorys_is_a_lost_push() =>
        Lost(Verdict.Pushing, Good with { Tips = [new ObservedTip("fleet", "b", "c")] });

    [Fact]
    public void A_source_that_is_gone_is_lost() => Lost(Verdict.Acting, Good with { Tips = [] });

    [Fact]
    public void A_tip_without_a_run_is_a_lost_run() => Lost(Verdict.Running, Good with { Runs = [], Deliveries = [], Entries = [Changed] }, NoWebhooks);

    [Fact]
    public void A_202_that_is_not_in_the_ledger_is_a_lost_webhook() => Lost(Verdict.Sending, Good with { Deliveries = [] });

    [Fact]
    public void A_202_that_stays_pending_is_a_lost_webhook() => Lost(Verdict.Sending, Good with { Deliveries = [Kept with { Result = "pending", RunId = null }] });

    [Fact]
    public void A_check_that_began_before_its_webhook_was_received_is_a_lost_webhook() =>
        Lost(Verdict.Sending, Good with { Deliveries = [Kept with { ReceivedAt = Noon.AddSeconds(12) }] });

    [Fact]
    public void A_check_that_saw_an_older_commit_than_its_webhook_told_of_is_a_lost_webhook() =>
        Lost(Verdict.Sending, Good with { Deliveries = [Kept with { RunId = "run_1", ReceivedAt = Noon }] });

    [Fact]
    public void A_delivery_whose_run_is_not_there_is_a_lost_run() => Lost(Verdict.Running, Good with { Deliveries = [Kept with { RunId = "run_9" }] });

    [Fact]
    public void A_run_that_is_not_in_the_audit_log_is_a_lost_record() => Lost(Verdict.Recording, Good with { Entries = [Good.Entries[0], Changed] });

    [Fact]
    public void A_run_that_does_not_know_its_entry_is_a_lost_record() => Lost(Verdict.Recording, Good with { Runs = [First, Second with { AuditId = null }] });

    [Fact]
    public void An_acknowledged_change_that_is_not_in_the_audit_log_is_a_lost_act() => Lost(Verdict.Acting, Good with { Entries = [Good.Entries[0], Good.Entries[1]] });

    [Fact]
    public void An_acknowledged_check_that_is_not_in_the_audit_log_is_a_lost_act() =>
        Lost(Verdict.Acting, Good, journal => journal.Acted(new Act("fleet", "source.check_requested", null, Noon, 202, null)));

    [Fact]
    public void A_change_that_nobody_answered_for_may_have_been_made_or_not()
    {
        Journal journal = new();
        Fill(journal, Sent, Marked with { Status = null });
        Assert.True(Verdict.Of(journal, Good).IsClean);
        Assert.True(Verdict.Of(journal, Good with { Entries = [Good.Entries[0], Good.Entries[1]] }).IsClean);
    }

    [Fact]
    public void A_webhook_that_nobody_answered_for_may_be_in_the_ledger_or_not()
    {
        Journal journal = new();
        Fill(journal, Unanswered, Marked);
        Assert.True(Verdict.Of(journal, Good).IsClean);
        Assert.True(Verdict.Of(journal, Good with { Deliveries = [] }).IsClean);
    }

    [Fact]
    public void A_run_that_is_there_twice_is_a_duplicate() => Duplicate(Verdict.Running, Good with { Runs = [First, Second, Second] });

    [Fact]
    public void A_transition_that_is_there_twice_is_a_duplicate() => Duplicate(
        Verdict.Running,
        Good with
        {
            Runs = [First, Second, Second with { RunId = "run_3", AuditId = 4 }],
            Entries = [.. Good.Entries, new ObservedEntry(4, "run.succeeded", "source:fleet", "run_3", [])],
        });

    [Fact]
    public void A_run_from_a_tip_to_the_same_is_a_duplicate() => Duplicate(
        Verdict.Running,
        Good with
        {
            Runs = [First, Second, Second with { RunId = "run_3", AuditId = 4, PreviousSha = "b" }],
            Entries = [.. Good.Entries, new ObservedEntry(4, "run.succeeded", "source:fleet", "run_3", [])],
        });

    [Fact]
    public void A_run_with_two_entries_is_a_duplicate() =>
        Duplicate(Verdict.Recording, Good with { Entries = [.. Good.Entries, Good.Entries[1] with { AuditId = 4 }] });

    [Fact]
    public void A_change_with_two_entries_is_a_duplicate() => Duplicate(Verdict.Acting, Good with { Entries = [.. Good.Entries, Changed with { AuditId = 4 }] });

    [Fact]
    public void A_delivery_that_is_there_twice_is_a_duplicate() => Duplicate(Verdict.Sending, Good with { Deliveries = [Kept, Kept] });

    [Fact]
    public void More_deliveries_than_sendings_are_duplicates() => Duplicate(Verdict.Sending, Good with { Deliveries = [Kept, Kept with { Id = "dlv_2" }] });

    [Fact]
    public void One_answer_to_two_webhooks_is_a_duplicate() => Duplicate(Verdict.Sending, Good, journal => journal.Sent(Sent));

    [Fact]
    public void Work_that_is_stored_twice_is_a_duplicate() => Duplicate(Verdict.Running, Good with { RepeatedSweeps = ["fleet, 1, b"] });

    [Fact]
    public void A_run_of_what_nobody_pushed_is_unexpected() =>
        Unexpected(Verdict.Running, Good with { Tips = [new ObservedTip("fleet", "x", "x")], Runs = [First, Second with { Sha = "x" }] }, NoWebhooks);

    [Fact]
    public void A_run_that_does_not_begin_where_the_one_before_ended_is_unexpected() => Unexpected(Verdict.Running, Good with { Runs = [First, Second with { PreviousSha = "z" }] });

    [Fact]
    public void A_run_back_to_a_tip_that_was_left_is_unexpected() => Unexpected(
        Verdict.Running,
        Good with
        {
            Tips = [new ObservedTip("fleet", "a", "a")],
            Runs = [First, Second, new ObservedRun("run_3", "fleet", "succeeded", "b", "a", 0, Noon.AddSeconds(13), 4)],
            Entries = [.. Good.Entries, new ObservedEntry(4, "run.succeeded", "source:fleet", "run_3", [])],
        });

    [Fact]
    public void A_tip_that_no_run_led_to_is_unexpected() => Unexpected(
        Verdict.Running, Good with { Runs = [First], Entries = [Good.Entries[0], Changed], Deliveries = [Kept with { Result = "unchanged", RunId = null }] });

    [Theory]
    [InlineData(401)]
    [InlineData(500)]
    [InlineData(502)]
    public void Any_other_answer_than_202_and_503_is_unexpected(int status) => Unexpected(Verdict.Sending, Good, journal => journal.Sent(Unanswered with { Status = status }));

    [Fact]
    public void A_503_without_retry_after_is_unexpected() => Unexpected(Verdict.Sending, Good, journal => journal.Sent(Unanswered with { Status = 503 }));

    [Fact]
    public void A_503_with_retry_after_is_no_finding()
    {
        Journal journal = new();
        Fill(journal, Sent, Marked);
        journal.Sent(Unanswered with { Status = 503, RetryAfter = true });
        Assert.True(Verdict.Of(journal, Good).IsClean);
    }

    [Fact]
    public void A_202_that_ignores_is_unexpected() => Unexpected(Verdict.Sending, Good, journal => journal.Sent(Sent with { DeliveryId = "dlv_2", Verdict = "ignored" }));

    [Fact]
    public void A_delivery_that_nobody_sent_is_unexpected() =>
        Unexpected(Verdict.Sending, Good with { Deliveries = [Kept, Kept with { Id = "dlv_2", SenderId = "somebody" }] });

    [Fact]
    public void Of_forged_webhooks_a_refused_delivery_is_expected_and_an_accepted_one_is_not()
    {
        var forged = Kept with { Id = "dlv_2", SenderId = null, Verdict = "refused", Result = null, RunId = null };
        Assert.True(Judge(Good with { Deliveries = [Kept, forged] }, journal => journal.Forging("fleet")).IsClean);
        Unexpected(Verdict.Sending, Good with { Deliveries = [Kept, forged with { Verdict = "accepted" }] }, journal => journal.Forging("fleet"));
        Unexpected(Verdict.Sending, Good with { Deliveries = [Kept, forged] }, journal => journal.Forging("another"));
    }

    [Fact]
    public void An_entry_of_a_run_that_is_not_there_is_unexpected() =>
        Unexpected(Verdict.Recording, Good with { Entries = [.. Good.Entries, new ObservedEntry(4, "run.succeeded", "source:fleet", "run_9", [])] });

    [Fact]
    public void A_run_that_names_another_entry_is_unexpected() => Unexpected(Verdict.Recording, Good with { Runs = [First, Second with { AuditId = 7 }] });

    [Fact]
    public void An_audit_log_that_does_not_verify_is_unexpected() => Unexpected(Verdict.Recording, Good with { AuditOk = false });

    [Fact]
    public void A_message_in_an_error_queue_is_unexpected() => Unexpected(Verdict.Recording, Good with { BadQueues = ["audit_error has 1 messages"] });

    [Fact]
    public void A_change_that_is_refused_is_unexpected() => Unexpected(Verdict.Acting, Good, journal => journal.Acted(Marked with { Mark = "mark 2", Status = 500 }));

    [Fact]
    public void The_table_counts_kills_of_each_process_and_findings_of_each_kind()
    {
        Journal journal = new();
        Fill(journal, Sent, Marked);
        journal.Faulted("kill", "sweeper");
        journal.Faulted("kill", "sweeper");
        journal.Faulted("pause", "broker");

        var lines = Verdict.Of(journal, Good with { Deliveries = [] }).Table.Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Trim()).ToList();

        Assert.Contains("sweeper 2 0 0 0", lines);
        Assert.Contains("broker 0 1 0 0", lines);
        Assert.Contains("webhook 1 1 0 1 0 0", lines);
        Assert.Contains("push 2 2 2 0 0 0", lines);
        Assert.Equal("1 lost, 0 duplicate, 0 unexpected", lines[^1]);
    }

    private static void Lost(string kind, Observation seen, Action<Journal>? more = null) => Assert.Contains(Judge(seen, more).Lost, f => f.Kind == kind);

    private static void Duplicate(string kind, Observation seen, Action<Journal>? more = null) => Assert.Contains(Judge(seen, more).Duplicate, f => f.Kind == kind);

    private static void Unexpected(string kind, Observation seen, Action<Journal>? more = null) => Assert.Contains(Judge(seen, more).Unexpected, f => f.Kind == kind);

    private static void NoWebhooks(Journal journal)
    {
    }

    private static Report Judge(Observation seen, Action<Journal>? more = null)
    {
        Journal journal = new();
        Fill(journal, more == NoWebhooks ? Unanswered : Sent, Marked);
        more?.Invoke(journal);
        return Verdict.Of(journal, seen);
    }

    private static void Fill(Journal journal, Webhook webhook, Act act)
    {
        journal.Follow("fleet", () => Task.FromResult<string?>("b"));
        journal.Pushed("fleet", "a");
        journal.Pushed("fleet", "b");
        journal.Sent(webhook);
        journal.Acted(act);
    }
}
