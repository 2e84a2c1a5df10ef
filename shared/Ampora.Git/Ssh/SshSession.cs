using Ampora.Git.Fetching;

namespace Ampora.Git.Ssh;

/// <summary>A running <c>git-upload-pack</c> of an SSH host, behind an <c>ssh</c> of this machine. None outlives its disposal.</summary>
internal sealed class SshSession : IAsyncDisposable
{
    // ssh ends within milliseconds of its output's end; a host that goes on sending is not waited for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly SshLink _link;
    private readonly ChildProcess _ssh;

    private SshSession(SshLink link, ChildProcess ssh) => (_link, _ssh) = (link, ssh);

    /// <summary>What the host's git gets.</summary>
    public Stream Input => _ssh.Input;

    /// <summary>What the host's git says: with protocol v2 its capabilities, without it the list of refs.</summary>
    public Stream Output => _ssh.Output;

    /// <summary>Starts one; what goes wrong shows by the end of its <see cref="Output"/>.</summary>
    /// <param name="links">Opens the way to the host.</param>
    /// <param name="remote">An SSH remote.</param>
    /// <param name="limits">Bytes that the host may send, and memory.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GitException">The remote has no SSH key, or there is no OpenSSH here.</exception>
    public static async Task<SshSession> OpenAsync(SshLinks links, GitRemote remote, GitLimits limits, CancellationToken cancellationToken)
    {
        // What ssh sends about itself comes on top of the list.
        const long spareBytes = 1024 * 1024;
        var link = await links.OpenAsync(remote, limits.RefListBytes + spareBytes, cancellationToken);
        try
        {
            // The path goes to a shell of the host, quoted as git does it.
            var command = $"git-upload-pack '{remote.Url.SshPath!.Replace("'", "'\\''", StringComparison.Ordinal).Replace("!", "'\\!'", StringComparison.Ordinal)}'";
            var ssh = ChildProcess.Start(
                "ssh",
                [.. link.Arguments, SshLink.HostName, command],
                link.Folder,
                [.. link.Variables, new("HOME", link.Folder), new("GIT_PROTOCOL", "version=2")],
                limits.ChildMemoryBytes);
            return new SshSession(link, ssh);
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>Why the host said something else than Git, or nothing; null when ssh does not know either.</summary>
    public async Task<GitException?> ExplainAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            _ssh.Input.Close();
            var (exitCode, errors) = await _ssh.EndAsync(patience.Token);
            if (await _link.ExplainAsync(errors, patience.Token) is { } failure)
                return failure;
            return exitCode == 0 ? null : SshErrors.OfEnd(_link.Hide(errors), _link.Remote);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ssh.DisposeAsync();
        await _link.DisposeAsync();
    }
}
