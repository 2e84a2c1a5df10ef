using Ampora.Console.Credentials;
using Ampora.Console.Webhooks;

namespace Ampora.Console.Sources;

// What requests hold, for the API's description; they are read member by member, so that everything that is wrong is told at once.

/// <summary>A source as a request gives it.</summary>
internal sealed record SourceBody
{
    /// <summary>Its slug, 1 to 63 of a-z, 0-9 and dash, for ever. Only when it is created.</summary>
    public string? Id { get; init; }

    /// <summary>The repository: https://, http://, ssh:// or git@host:path, without credentials.</summary>
    public string? Url { get; init; }

    /// <summary>main, refs/heads/main, refs/tags/v1, tags/v1.* for the highest version, a full commit id, or HEAD, the default branch.</summary>
    public string? Ref { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>Who answers for it.</summary>
    public string? Owner { get; init; }

    /// <summary>At most 64.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Patterns as in .gitignore, one in each item: only changes to these paths make a run. Absent, null or empty: all.</summary>
    public IReadOnlyList<string>? Include { get; init; }

    /// <summary>Patterns likewise, of paths that do not count although they are included.</summary>
    public IReadOnlyList<string>? Exclude { get; init; }

    /// <summary>What is demanded of the tip; null: nothing.</summary>
    public VerifyBody? Verify { get; init; }

    /// <summary>1 to 86400; 60 unless given.</summary>
    public int? PollIntervalSeconds { get; init; }

    /// <summary>fixed or adaptive.</summary>
    public string? Polling { get; init; }

    /// <summary>Whether nothing is checked.</summary>
    public bool? Paused { get; init; }

    /// <summary>For the Git host. Write-only; null removes it.</summary>
    public CredentialBody? Credential { get; init; }

    /// <summary>How webhooks are authenticated; null: as the host of the URL does it.</summary>
    public WebhookSettingsBody? Webhook { get; init; }
}

/// <summary>What is demanded of the tip.</summary>
internal sealed record VerifyBody
{
    /// <summary>The format ALLOWED SIGNERS of ssh-keygen(1): the commit must be signed by one of these SSH keys.</summary>
    public required string AllowedSigners { get; init; }
}

/// <summary>Why a source is paused.</summary>
internal sealed record PauseBody
{
    /// <summary>Shown with the source.</summary>
    public string? Reason { get; init; }
}

/// <summary>A check that was asked for.</summary>
/// <param name="RequestId">Its id; the run that it causes names it in <c>triggeredBy</c>.</param>
internal sealed record CheckAnswer(string RequestId);
