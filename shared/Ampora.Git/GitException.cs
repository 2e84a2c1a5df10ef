namespace Ampora.Git;

/// <summary>A Git operation that failed, in words that help.</summary>
public sealed class GitException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="code">See <see cref="Code"/>.</param>
    /// <param name="detail">What happened, without secrets.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="inner">The cause.</param>
    public GitException(string code, string detail, string remedy, Exception? inner = null)
        : base(detail, inner)
    {
        Code = code;
        Remedy = remedy;
    }

    /// <summary>
    /// A stable snake_case name: <c>auth_failed</c>, <c>not_found</c>, <c>ref_not_found</c>, <c>empty_repository</c>, <c>timeout</c>,
    /// <c>unreachable</c>, <c>tls_failed</c>, <c>rate_limited</c>, <c>host_error</c>, <c>protocol_error</c>, <c>moved</c>,
    /// <c>address_denied</c>, <c>limit_exceeded</c>, <c>fetch_failed</c>, <c>tip_moved</c>, <c>invalid_ref</c>,
    /// <c>host_key_unknown</c>, <c>host_key_changed</c>, <c>key_unreadable</c>, <c>credential_unsupported</c>, <c>proxy_failed</c>,
    /// <c>signature_missing</c>, <c>signature_invalid</c>, <c>signer_not_allowed</c>.
    /// </summary>
    public string Code { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>How long the host asked to be left alone; null when it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
