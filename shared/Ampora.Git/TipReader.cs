namespace Ampora.Git;

/// <summary>
/// Reads tips over smart HTTP, protocol v2 where the server has it and the v0 advertisement where not. Capabilities are cached for each
/// (remote, credential) until a protocol error. Safe for concurrent use.
/// </summary>
public sealed class TipReader
{
    /// <summary>Reads the tip of a ref.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">The ref as the source names it; see <see cref="GitRef"/>. A short name is a branch before it is a tag.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.TipDeadline"/> does.</param>
    /// <exception cref="GitException">The tip could not be read.</exception>
    public Task<Tip> ReadAsync(GitRemote remote, string refName, CancellationToken cancellationToken) => throw new NotImplementedException();
}
