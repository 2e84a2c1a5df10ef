using System.Globalization;
using System.Text;

namespace Ampora.Ingress.Webhooks;

/// <summary>The name that a Git host gave to what happened. It is shown in the ledger and decides nothing.</summary>
internal static class EventName
{
    // The ledger shows it in a column; every known host's names are below 60.
    private const int MaxLength = 100;

    // The order tells forks from their origin: Gogs, Gitea and Forgejo also send GitHub's header, Forgejo also Gitea's.
    private static readonly string[] Headers =
        ["X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key"];

    public static string? Of(HttpRequest request)
    {
        foreach (var header in Headers)
        {
            if (request.Headers.TryGetValue(header, out var values) && Clean(values[0] ?? "") is { Length: > 0 } name)
                return name;
        }

        return null;
    }

    /// <summary>Keeps what can be shown on one line: no control characters, no line separators, nothing that turns the direction of writing.</summary>
    private static string Clean(string value)
    {
        var name = new StringBuilder();
        foreach (var rune in value.EnumerateRunes())
        {
            if (name.Length + rune.Utf16SequenceLength > MaxLength)
                break;
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned))
                name.Append(rune.ToString());
        }

        return name.ToString().Trim();
    }
}
