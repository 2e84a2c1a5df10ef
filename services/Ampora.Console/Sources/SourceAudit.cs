using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ampora.Console.Credentials;
using Ampora.Store.Model;

namespace Ampora.Console.Sources;

/// <summary>What the audit log keeps of a change to a source: which settings, and what they were and are, except for secrets.</summary>
internal static class SourceAudit
{
    // A list that is longer would fill the log with what nobody reads there; its digest tells whether it is the same.
    private const int MaxLinesLength = 2000;

    public static Dictionary<string, string> DetailOf(Source before, SourceSettings after, IReadOnlyList<string> changes)
    {
        var detail = new Dictionary<string, string> { ["changed"] = string.Join(", ", changes) };
        foreach (var name in changes)
        {
            // What changes of it is told by whoever changes it.
            if (name == "webhook")
                continue;
            if (name == "credential")
            {
                detail["credential"] = after.Credential is CredentialChange.Set set ? $"set ({set.Type}{(set.Value.Ca is not null ? " with ca" : "")}, for {after.Authority})" : "removed";
                continue;
            }

            var (old, now) = ValuesOf(name, before, after);
            detail[$"{name}.before"] = old;
            detail[$"{name}.after"] = now;
        }

        return detail;
    }

    private static (string Before, string After) ValuesOf(string name, Source before, SourceSettings after) => name switch
    {
        "url" => (before.Url, after.Url),
        "ref" => (before.Ref, after.Ref),
        "description" => (before.Description ?? "", after.Description ?? ""),
        "owner" => (before.Owner ?? "", after.Owner ?? ""),
        "pollIntervalSeconds" => (Text(before.PollIntervalSeconds), Text(after.PollIntervalSeconds)),
        "polling" => (before.Polling, after.Polling),
        "paused" => (Text(before.Wakeup!.Paused), Text(after.Paused)),
        "include" => (Lines(before.Include), Lines(after.Include)),
        "exclude" => (Lines(before.Exclude), Lines(after.Exclude)),
        "verify" => (Lines(before.AllowedSigners), Lines(after.AllowedSigners)),
        "labels" => (Text(before.Labels.ToDictionary(l => l.Key, l => l.Value)), Text(after.Labels)),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool flag) => flag ? "true" : "false";

    private static string Lines(string? text) => text is not { Length: > MaxLinesLength }
        ? text ?? ""
        : string.Create(CultureInfo.InvariantCulture, $"{text.Split('\n').Length} lines, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}");

    private static string Text(IReadOnlyDictionary<string, string> labels) =>
        JsonSerializer.Serialize(labels.OrderBy(l => l.Key, StringComparer.Ordinal).ToDictionary(l => l.Key, l => l.Value));
}
