namespace Ampora.Git.Signatures;

/// <summary>Who signed a commit.</summary>
/// <param name="Principal">The name that the allowed signers give the key, such as a mail address.</param>
/// <param name="KeyFingerprint">The key as OpenSSH shows it: <c>SHA256:…</c>.</param>
public sealed record CommitSigner(string Principal, string KeyFingerprint);
