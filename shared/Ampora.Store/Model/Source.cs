namespace Ampora.Store.Model;

/// <summary>A repository and ref that Ampora watches, as its operator set it. Written by the Console.</summary>
public sealed class Source
{
    /// <summary>The slug, <c>[a-z0-9-]{1,63}</c>; it never changes.</summary>
    public required string Id { get; set; }

    /// <summary>The identity of this incarnation: a source deleted and created again under its slug has another.</summary>
    public required Guid Uid { get; set; }

    /// <summary>The repository's URL, without credentials.</summary>
    public required string Url { get; set; }

    /// <summary>The ref as the operator gave it; <c>HEAD</c> follows the default branch.</summary>
    public required string Ref { get; set; }

    /// <summary>What it is for.</summary>
    public string? Description { get; set; }

    /// <summary>Who answers for it.</summary>
    public string? Owner { get; set; }

    /// <summary>Globs, gitignore syntax, one a line: only changes to matching paths make a run. Null: all.</summary>
    public string? Include { get; set; }

    /// <summary>Globs, gitignore syntax, one a line: changes to matching paths make no run. Null: none.</summary>
    public string? Exclude { get; set; }

    /// <summary>Who may sign the commit at the tip, in the format ALLOWED SIGNERS of ssh-keygen(1); null: signatures are not looked at.</summary>
    public string? AllowedSigners { get; set; }

    /// <summary>Seconds between polls, 1 to 86,400.</summary>
    public required int PollIntervalSeconds { get; set; }

    /// <summary><c>fixed</c> or <c>adaptive</c>.</summary>
    public required string Polling { get; set; }

    /// <summary>Why it was paused, if somebody said.</summary>
    public string? PauseReason { get; set; }

    /// <summary>How its webhooks are authenticated: <c>token</c>, <c>github</c>, … The method of the current secret, also while there is none.</summary>
    public required string WebhookAuth { get; set; }

    /// <summary>
    /// The repository by which the shared endpoint finds the source: host and path, normalised. Null for a URL that has none, and until the Console has filled
    /// it in for a source of an older release.
    /// </summary>
    public string? RepositoryKey { get; set; }

    /// <summary>The same for the URL forms of Bitbucket Server, whose context path and clone path differ; null for all others.</summary>
    public string? BitbucketServerKey { get; set; }

    /// <summary>Rises with each change by an operator; the ETag.</summary>
    public required long Version { get; set; }

    /// <summary>When it was created, UTC.</summary>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <summary>When an operator last changed it, UTC.</summary>
    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Its labels.</summary>
    public List<SourceLabel> Labels { get; set; } = [];

    /// <summary>Its Git credential, if it has one.</summary>
    public Credential? Credential { get; set; }

    /// <summary>The secrets of its webhook, if any were made.</summary>
    public WebhookSecret? WebhookSecret { get; set; }

    /// <summary>Its wake-up row.</summary>
    public Wakeup? Wakeup { get; set; }
}

/// <summary>One label of a source.</summary>
public sealed class SourceLabel
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>The label's name, at most 63 characters.</summary>
    public required string Key { get; set; }

    /// <summary>The label's value, at most 255 characters.</summary>
    public required string Value { get; set; }
}

/// <summary>A source's Git credential. Written by the Console, read by the Sweeper; never shown.</summary>
public sealed class Credential
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary><c>none</c>, <c>basic</c>, <c>bearer</c>, <c>ssh</c> or <c>githubApp</c>.</summary>
    public required string Type { get; set; }

    /// <summary>Made by <see cref="Secrets.StoredCredential.Encrypt"/>.</summary>
    public required byte[] Encrypted { get; set; }

    /// <summary>Scheme, host and port that it was given for; it is sent nowhere else.</summary>
    public required string Authority { get; set; }

    /// <summary>When it was given, UTC.</summary>
    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Of an SSH key, the public key's fingerprint as <c>ssh-keygen -l</c> shows it; null for keys that do not tell it, and for all else.</summary>
    public string? Fingerprint { get; set; }

    /// <summary>SHA-256, hexadecimal, of the certificates that came with it; null when none did.</summary>
    public string? CaDigest { get; set; }
}
