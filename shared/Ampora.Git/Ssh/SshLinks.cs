using Ampora.Git.Http;

namespace Ampora.Git.Ssh;

/// <summary>Opens ways to SSH hosts. Safe for concurrent use.</summary>
internal sealed class SshLinks(GuardedConnector connector, HostGate hosts, SshFolders folders, GitLimits limits)
{
    /// <summary>Opens a way to a remote's host.</summary>
    /// <param name="remote">An SSH remote.</param>
    /// <param name="maxBytes">Bytes that the host may send.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GitException">The remote has no SSH key, or its host is to be left alone.</exception>
    public async Task<SshLink> OpenAsync(GitRemote remote, long maxBytes, CancellationToken cancellationToken)
    {
        await hosts.PaceAsync(remote, cancellationToken);
        return await SshLink.OpenAsync(remote, new SshRelay(connector, remote, maxBytes), folders, limits);
    }
}
