namespace Ampora.Webhooks;

/// <summary>Why a webhook was refused, as the ledger and the audit log say it. The sender never learns.</summary>
public static class RefusalReasons
{
    /// <summary>There is no source of this id.</summary>
    public const string SourceUnknown = "source_unknown";

    /// <summary>There is no secret to verify by: none was made yet, or it was revoked.</summary>
    public const string SecretNotSet = "secret_not_set";

    /// <summary>No token came, or an empty one.</summary>
    public const string TokenMissing = "token_missing";

    /// <summary>More than one came.</summary>
    public const string TokenRepeated = "token_repeated";

    /// <summary>It is another one.</summary>
    public const string TokenMismatch = "token_mismatch";

    /// <summary>No signature came, or none of the kind that counts.</summary>
    public const string SignatureMissing = "signature_missing";

    /// <summary>A signature's header came with nothing in it: the sender has no secret.</summary>
    public const string SignatureEmpty = "signature_empty";

    /// <summary>It is not written as this method's signatures are.</summary>
    public const string SignatureMalformed = "signature_malformed";

    /// <summary>More than one header of its kind came.</summary>
    public const string SignatureRepeated = "signature_repeated";

    /// <summary>It was made with another secret, or of another body.</summary>
    public const string SignatureMismatch = "signature_mismatch";

    /// <summary>No password came.</summary>
    public const string PasswordMissing = "password_missing";

    /// <summary>It is another one, or came with another user name.</summary>
    public const string PasswordMismatch = "password_mismatch";

    /// <summary>No time came with the signature.</summary>
    public const string TimestampMissing = "timestamp_missing";

    /// <summary>The time is no number of seconds.</summary>
    public const string TimestampMalformed = "timestamp_malformed";

    /// <summary>The time is too long ago or too far ahead.</summary>
    public const string TimestampOutsideWindow = "timestamp_outside_window";

    /// <summary>Credentials of another method came, and none of the one that counts.</summary>
    public const string MethodMismatch = "method_mismatch";

    /// <summary>It was verified by the secret from before the last rotation, whose time is over.</summary>
    public const string SecretRotated = "secret_rotated";

    /// <summary>Bitbucket Server's test of the connection came without a signature, as it does.</summary>
    public const string PingUnsigned = "ping_unsigned";

    /// <summary>The shared endpoint cannot tell which Git host sent it.</summary>
    public const string ProviderUnknown = "provider_unknown";

    /// <summary>The shared endpoint cannot verify what this sender sends.</summary>
    public const string ProviderNotSupported = "provider_not_supported";

    /// <summary>The shared endpoint has neither a source of this repository nor an organisation's secret to verify by.</summary>
    public const string RepositoryUnknown = "repository_unknown";

    /// <summary>More kinds of refusals came at once than are told apart.</summary>
    public const string Overflow = "overflow";
}
