namespace Ampora.Ingress.Webhooks;

/// <summary>Why a webhook was refused, as the audit log says it. The sender never learns.</summary>
internal static class RefusalReasons
{
    /// <summary>There is no source of this id.</summary>
    public const string SourceUnknown = "source_unknown";

    /// <summary>The source has no webhook token: none was made yet, or it was revoked.</summary>
    public const string TokenNotSet = "token_not_set";

    /// <summary>No token came, or an empty one.</summary>
    public const string TokenMissing = "token_missing";

    /// <summary>More than one came.</summary>
    public const string TokenRepeated = "token_repeated";

    /// <summary>It is not the source's.</summary>
    public const string TokenWrong = "token_wrong";

    /// <summary>It was the source's before the last rotation: the Git host still sends the old one.</summary>
    public const string TokenRotated = "token_rotated";

    /// <summary>More kinds of refusals came at once than are told apart.</summary>
    public const string Overflow = "overflow";
}
