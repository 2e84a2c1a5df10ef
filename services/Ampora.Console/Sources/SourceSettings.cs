using Ampora.Console.Credentials;
using Ampora.Console.Webhooks;
using Ampora.Store.Model;

namespace Ampora.Console.Sources;

/// <summary>What an operator sets of a source, complete and valid.</summary>
internal sealed record SourceSettings
{
    public required string Url { get; init; }

    public required string Ref { get; init; }

    public string? Description { get; init; }

    public string? Owner { get; init; }

    public required int PollIntervalSeconds { get; init; }

    public required string Polling { get; init; }

    public required bool Paused { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Patterns of the paths that count, one a line; null: all.</summary>
    public required string? Include { get; init; }

    /// <summary>Patterns of the paths that do not; null: none.</summary>
    public required string? Exclude { get; init; }

    /// <summary>Who may sign the tip; null: nobody need.</summary>
    public required string? AllowedSigners { get; init; }

    /// <summary>How webhooks are to be authenticated.</summary>
    public required WebhookChange Webhook { get; init; }

    /// <summary>Scheme, host and port of <see cref="Url"/>; a credential is sent nowhere else.</summary>
    public required string Authority { get; init; }

    /// <summary>The host and port of <see cref="Url"/>, as checks at once are counted by.</summary>
    public required string Host { get; init; }

    /// <summary>What becomes of the credential.</summary>
    public required CredentialChange Credential { get; init; }

    /// <summary>Whether one of these changes makes what was read or shown before another thing: the source is checked again under a new version of its settings.</summary>
    public static bool FetchesOther(IEnumerable<string> changes) => changes.Any(c => c is "url" or "ref" or "credential" or "include" or "exclude" or "verify");

    /// <summary>The names of the settings that differ from what is stored.</summary>
    public IReadOnlyList<string> ChangesOf(Source source)
    {
        var changes = new List<string>();
        void Compare(string name, bool same)
        {
            if (!same)
                changes.Add(name);
        }

        Compare("url", Url == source.Url);
        Compare("ref", Ref == source.Ref);
        Compare("description", Description == source.Description);
        Compare("owner", Owner == source.Owner);
        Compare("pollIntervalSeconds", PollIntervalSeconds == source.PollIntervalSeconds);
        Compare("polling", Polling == source.Polling);
        Compare("paused", Paused == source.Wakeup!.Paused);
        Compare("labels", Labels.Count == source.Labels.Count && source.Labels.All(l => Labels.TryGetValue(l.Key, out var value) && value == l.Value));
        Compare("include", Include == source.Include);
        Compare("exclude", Exclude == source.Exclude);
        Compare("verify", AllowedSigners == source.AllowedSigners);
        Compare("webhook", !Webhook.Changes(source));
        Compare("credential", Credential is CredentialChange.Keep || (Credential is CredentialChange.Remove && source.Credential is null));
        return changes;
    }
}
