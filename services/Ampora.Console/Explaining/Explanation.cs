namespace Ampora.Console.Explaining;

/// <summary>What would become of a delivery, and why.</summary>
internal sealed record Explanation
{
    /// <summary>The kind of sender, as headers and body tell it; null when they do not.</summary>
    public required string? Provider { get; init; }

    /// <summary>The event as the sender names it.</summary>
    public required string? Event { get; init; }

    /// <summary>The refs that it names.</summary>
    public required string? Refs { get; init; }

    /// <summary>The repository that it names, normalised as sources' URLs are, in each form that it may have.</summary>
    public required IReadOnlyList<string> Repository { get; init; }

    /// <summary><c>accepted</c>, <c>ignored</c> or <c>refused</c>.</summary>
    public required string Verdict { get; init; }

    /// <summary>Why it would be ignored or refused.</summary>
    public required string? Reason { get; init; }

    /// <summary>The same in words.</summary>
    public required string? Detail { get; init; }

    /// <summary>Which secret verifies it; null when none does.</summary>
    public required VerifiedBy? VerifiedBy { get; init; }

    /// <summary>What becomes of it for each source on the repository.</summary>
    public required IReadOnlyList<SourceExplanation> Sources { get; init; }
}

/// <summary>The secret that verifies a delivery.</summary>
/// <param name="Source">The source whose own it is; null for an organisation's.</param>
/// <param name="Secret">The organisation's secret; null for a source's own.</param>
/// <param name="SignedBy"><c>current</c> or <c>previous</c>.</param>
internal sealed record VerifiedBy(string? Source, string? Secret, string SignedBy);

/// <summary>What becomes of a delivery for one source.</summary>
/// <param name="SourceId">The source.</param>
/// <param name="Verdict"><c>accepted</c>, <c>ignored</c> or <c>refused</c>.</param>
/// <param name="Reason">Why it is ignored or refused.</param>
/// <param name="Detail">The same in words.</param>
/// <param name="Ref">The ref that the source follows.</param>
/// <param name="Matches">Whether it tells of that ref, whoever sent it.</param>
/// <param name="WouldWake">Whether the source would be checked.</param>
internal sealed record SourceExplanation(string SourceId, string Verdict, string? Reason, string? Detail, string Ref, bool Matches, bool WouldWake);

/// <summary>A delivery as a request gives it.</summary>
internal sealed record ExplainBody
{
    /// <summary>Each header's value, or array of values, by its name; at most 100, of at most 8 KiB each.</summary>
    public required IReadOnlyDictionary<string, object> Headers { get; init; }

    /// <summary>The body's text, exactly as it was sent; at most 1 MiB.</summary>
    public string? Body { get; init; }

    /// <summary>The body's bytes, where they are no text or a copy would change them.</summary>
    public string? BodyBase64 { get; init; }
}
