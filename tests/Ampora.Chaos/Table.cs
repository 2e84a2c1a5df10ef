using System.Globalization;
using System.Text;

namespace Ampora.Chaos;

/// <summary>The journal as one table.</summary>
internal static class Table
{
    private static readonly string[] Usual = ["gateway", "ingress", "scheduler", "sweeper", "audit", "console", "broker", "database"];

    public static string Of(Journal journal, Observation seen, List<Finding> lost, List<Finding> duplicate, List<Finding> unexpected)
    {
        var text = new StringBuilder();
        var faults = journal.Faults;
        if (faults.Count > 0)
        {
            string[] kinds = [.. new[] { "kill", "pause", "restart", "starve" }.Union(faults.Select(f => f.What))];
            text.AppendLine(Row("process", kinds));
            foreach (var whom in Usual.Union(faults.Select(f => f.Whom)).Where(w => faults.Any(f => f.Whom == w)))
                text.AppendLine(Row(whom, [.. kinds.Select(what => Number(faults.Count(f => f.Whom == whom && f.What == what)))]));
            text.AppendLine(Row("together", [.. kinds.Select(what => Number(faults.Count(f => f.What == what)))]));
            text.AppendLine();
        }

        text.AppendLine(Row("", ["attempted", "acknowledged", "observed", "lost", "duplicate", "unexpected"]));
        var acted = journal.Acts;
        var subjects = acted.Select(a => (a.Action, $"source:{a.Source}")).ToHashSet();
        var runs = seen.Runs.Select(r => r.RunId).ToHashSet();
        var acts = acted.Select(a => a.Action).Distinct().Order().ToList();
        Add(Verdict.Pushing, journal.Pushes.Count, journal.Pushes.Count, seen.Runs.Count(r => r.Outcome == "succeeded"));
        foreach (var kind in journal.Webhooks.GroupBy(w => w.Kind).OrderBy(g => g.Key))
        {
            var ids = kind.Select(w => (w.Source, (string?)w.SenderId)).ToHashSet();
            AddLine($"{Verdict.Sending} {kind.Key}", kind.Count(), kind.Count(w => w.Status == 202), seen.Deliveries.Count(d => ids.Contains((d.Source, d.SenderId))), "", "", "");
        }

        Add(Verdict.Sending, journal.Webhooks.Count, journal.Webhooks.Count(w => w.Status == 202), seen.Deliveries.Count);
        foreach (var act in acts)
            AddLine(act, acted.Count(a => a.Action == act), acted.Count(a => a.Action == act && a.Status is >= 200 and < 300), seen.Entries.Count(e => e.Action == act && subjects.Contains((e.Action, e.Subject))), "", "", "");
        Add(Verdict.Acting, acted.Count, acted.Count(a => a.Status is >= 200 and < 300), seen.Entries.Count(e => subjects.Contains((e.Action, e.Subject))));
        Add(Verdict.Running, seen.Runs.Count, seen.Runs.Count, seen.Runs.Count);
        Add(Verdict.Recording, seen.Runs.Count, seen.Runs.Count(r => r.AuditId is not null), seen.Entries.Count(e => e.RunId is { } id && runs.Contains(id)));
        text.Append(CultureInfo.InvariantCulture, $"{lost.Count} lost, {duplicate.Count} duplicate, {unexpected.Count} unexpected");
        return text.ToString();

        void Add(string kind, int attempted, int acknowledged, int observed) =>
            AddLine(kind, attempted, acknowledged, observed, Number(lost.Count(f => f.Kind == kind)), Number(duplicate.Count(f => f.Kind == kind)), Number(unexpected.Count(f => f.Kind == kind)));

        void AddLine(string kind, int attempted, int acknowledged, int observed, params string[] findings) =>
            text.AppendLine(Row(kind, [Number(attempted), Number(acknowledged), Number(observed), .. findings]));
    }

    private static string Row(string name, string[] cells) => $"{name,-24}{string.Concat(cells.Select(c => $"{c,14}"))}".TrimEnd();

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
