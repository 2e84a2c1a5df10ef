using Ampora.Git.Fetching;
using Ampora.Git.Protocol;

namespace Ampora.Git.Signatures;

/// <summary>Verifies the signature of a commit with <c>git verify-commit</c>, which asks OpenSSH's <c>ssh-keygen</c>.</summary>
internal static class CommitVerification
{
    /// <summary>How a commit's header says that an SSH key signed it.</summary>
    private const string SshSignature = "-----BEGIN SSH SIGNATURE-----";

    private const string Known = "Good \"git\" signature for ";

    private const string Unknown = "Good \"git\" signature with ";

    // How ssh-keygen says that a key is allowed, but not for this.
    private static readonly string[] Limits = ["has expired", "not yet valid", "not permitted for use in signature namespace"];

    /// <summary>Verifies a commit.</summary>
    /// <param name="repository">The bare repository that has it.</param>
    /// <param name="sha">The commit.</param>
    /// <param name="signature">The first line of its signature; null when it has none.</param>
    /// <param name="allowedSigners">Whose signatures count; see <see cref="AllowedSigners"/>.</param>
    /// <param name="memoryBytes">Bytes of memory that git may have.</param>
    /// <param name="cancellationToken">Ends the wait, and what was started.</param>
    /// <exception cref="GitException"><c>signature_missing</c>, <c>signature_invalid</c>, <c>signer_not_allowed</c>; <c>fetch_failed</c> when it could not be verified at all.</exception>
    public static async Task<CommitSigner> VerifyAsync(
        string repository, string sha, string? signature, string allowedSigners, long memoryBytes, CancellationToken cancellationToken)
    {
        if (signature is null)
        {
            throw new GitException(
                "signature_missing",
                $"The commit {sha} is not signed, and the source takes signed commits only.",
                "Sign it with an allowed SSH key: git config gpg.format ssh, then git commit --amend -S, and push.");
        }

        if (signature != SshSignature)
        {
            throw new GitException(
                "signature_invalid",
                $"The signature of the commit {sha} is {KindOf(signature)}, not an SSH signature, and only those are verified.",
                "Sign it with an allowed SSH key: git config gpg.format ssh, then git commit --amend -S, and push.");
        }

        // Names of allowed keys, not secrets; but nobody else may put one in. Whoever verifies has the repository alone, so that one that was killed left the same file.
        var file = Path.Combine(repository, "ampora-signers");
        try
        {
            await WriteAsync(file, allowedSigners, cancellationToken);
            var (exitCode, said) = await GitProcess.RunAsync(repository, ["verify-commit", "--raw", sha], Settings(file), memoryBytes, cancellationToken);
            // ssh-keygen names the line of the file; where that is, is nobody's business.
            return Judge(sha, exitCode, said.Replace(file + ":", "line ", StringComparison.Ordinal).Replace(file, "the allowed signers", StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<(string Name, string Value)> Settings(string allowedSigners) =>
    [
        ("gpg.format", "ssh"),
        ("gpg.ssh.allowedSignersFile", allowedSigners),
        ("gpg.ssh.program", "ssh-keygen"),
        // git takes the program by what the signature says that it is; no other one is ever to run on it.
        ("gpg.program", "false"),
        ("gpg.openpgp.program", "false"),
        ("gpg.x509.program", "false"),
    ];

    private static CommitSigner Judge(string sha, int exitCode, string said)
    {
        var lines = said.Split('\n');
        if (exitCode == 0 && Array.Find(lines, line => line.StartsWith(Known, StringComparison.Ordinal)) is { } good
            && good.LastIndexOf(" with ", StringComparison.Ordinal) is var with && with > Known.Length)
        {
            return new CommitSigner(good[Known.Length..with], Fingerprint(good));
        }

        var unknown = Array.Find(lines, line => line.StartsWith(Unknown, StringComparison.Ordinal));
        var reason = Array.Find(lines, line => Limits.Any(words => line.Contains(words, StringComparison.Ordinal)));
        if (unknown is not null || reason is not null)
        {
            throw new GitException(
                "signer_not_allowed",
                $"The commit {sha} is signed by {(unknown is null ? "a key" : $"the key {Fingerprint(unknown)}")}, which is not allowed{(reason is null ? "" : $": {Readable.Line(reason)}")}.",
                "Look who signed it. If that is right, add the key to the source's allowed signers, for the namespace git and the time of the commit.");
        }

        if (said.Contains("cannot run", StringComparison.Ordinal) || said.Contains("is needed for ssh signature verification", StringComparison.Ordinal)
            || said.Contains("No user exists", StringComparison.Ordinal) || said.Contains("could not create temporary file", StringComparison.Ordinal))
        {
            throw new GitException(
                "fetch_failed",
                $"The signature could not be verified: {Readable.Line(said)}",
                "Install openssh-client (8.9 or later) where the sweeper runs, and let the sweeper run as a user that the system knows.");
        }

        throw new GitException(
            "signature_invalid",
            $"The signature of the commit {sha} is not valid: {(said.Length == 0 ? "git says no more" : Readable.Line(said))}.",
            "The commit was changed after it was signed, or the signature is damaged or for something else: sign it anew with git commit --amend -S, and push.");
    }

    private static string Fingerprint(string line) => line[(line.LastIndexOf(' ') + 1)..].Trim();

    private static string KindOf(string signature) => signature switch
    {
        "-----BEGIN PGP SIGNATURE-----" or "-----BEGIN PGP MESSAGE-----" => "one of OpenPGP",
        "-----BEGIN SIGNED MESSAGE-----" => "one of X.509",
        _ => "of an unknown kind",
    };

    private static async Task WriteAsync(string file, string text, CancellationToken cancellationToken)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        File.Delete(file);
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var stream = new FileStream(file, options);
        await using var writer = new StreamWriter(stream);
        await writer.WriteAsync(text.AsMemory(), cancellationToken);
        if (!text.EndsWith('\n'))
            await writer.WriteAsync('\n');
    }
}
