using Ampora.Git.Http;
using Ampora.Git.Protocol;

namespace Ampora.Git;

/// <summary>
/// Reads tips. Readings of one remote and credential that wait at the same time share one listing of its refs, which begins after all of them called. Safe for concurrent use.
/// </summary>
public sealed class TipReader
{
    private readonly HttpRefs _http;
    private readonly GitLimits _limits;
    private readonly TimeProvider _time;

    internal TipReader(HttpRefs http, GitLimits limits, TimeProvider time)
    {
        _http = http;
        _limits = limits;
        _time = time;
    }

    /// <summary>Reads the tip of a ref.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">The ref as the source names it; see <see cref="GitRef"/>. A short name is a branch before it is a tag.</param>
    /// <param name="companions">How many others are about to read the same remote and are worth waiting for; 0 to begin at once.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.TipDeadline"/> does.</param>
    /// <exception cref="GitException">The tip could not be read.</exception>
    public async Task<Tip> ReadAsync(GitRemote remote, string refName, int companions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        if (GitRef.FindProblem(refName) is { } problem)
            throw new GitException("invalid_ref", problem, "Correct the source's ref.");
        return (await ListAsync(remote, [refName], cancellationToken)).TipOf(refName);
    }

    /// <summary>Reads refs within the deadline, alone.</summary>
    internal async Task<RefReading> ListAsync(GitRemote remote, IReadOnlyCollection<string> refNames, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_limits.TipDeadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await _http.ReadAsync(remote, refNames, either.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new GitException(
                "timeout",
                $"{remote.Url.HostAndPort} did not tell its refs within {_limits.TipDeadline.TotalSeconds:0.###} s.",
                "Look whether the Git host is well; it is asked again later. Ampora__Git__TipDeadline sets how long it may take.");
        }
        catch (Exception e) when (e is not GitException && HostFailure.Of(e, remote) is { } failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw failure;
        }
    }
}
