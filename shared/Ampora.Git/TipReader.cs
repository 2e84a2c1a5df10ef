using Ampora.Git.Http;
using Ampora.Git.Protocol;
using Ampora.Git.Ssh;

namespace Ampora.Git;

/// <summary>
/// Reads tips. Readings of one remote and credential that wait at the same time share one listing of its refs, which begins after all of them called. Safe for concurrent use.
/// </summary>
public sealed class TipReader
{
    private readonly HttpRefs _http;
    private readonly SshTips _ssh;
    private readonly HostGate _hosts;
    private readonly SharedReadings _shared;
    private readonly GitLimits _limits;
    private readonly TimeProvider _time;

    internal TipReader(HttpRefs http, SshTips ssh, HostGate hosts, GitLimits limits, TimeProvider time)
    {
        _http = http;
        _ssh = ssh;
        _hosts = hosts;
        _limits = limits;
        _time = time;
        _shared = new SharedReadings(ListAsync, time);
    }

    /// <summary>Reads the tip of a ref.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">The ref as the source names it; see <see cref="GitRef"/>. A short name is a branch before it is a tag.</param>
    /// <param name="companions">How many others are about to read the same remote and are worth waiting for; 0 to begin at once.</param>
    /// <param name="cancellationToken">
    /// Ends the wait; besides, <see cref="GitLimits.TipDeadline"/> does, after that of a listing which runs already when this is called.
    /// </param>
    /// <exception cref="GitException">The tip could not be read.</exception>
    public async Task<Tip> ReadAsync(GitRemote remote, string refName, int companions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        if (GitRef.FindProblem(refName) is { } problem)
            throw new GitException("invalid_ref", problem, "Correct the source's ref.");
        return (await _shared.ReadAsync(remote, refName, companions, cancellationToken)).TipOf(refName);
    }

    /// <summary>Reads refs within the deadline, alone.</summary>
    internal async Task<RefReading> ListAsync(GitRemote remote, IReadOnlyCollection<string> refNames, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_limits.TipDeadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var entered = false;
        try
        {
            using var place = await _hosts.EnterForTipAsync(remote, either.Token);
            entered = true;
            return await (remote.Url.IsSsh ? _ssh.ReadAsync(remote, refNames, either.Token) : _http.ReadAsync(remote, refNames, either.Token));
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new GitException(
                "timeout",
                entered
                    ? $"{remote.Url.HostAndPort} did not tell its refs within {_limits.TipDeadline.TotalSeconds:0.###} s."
                    : $"{_limits.RequestsPerHost} requests to {remote.Url.HostAndPort} were under way for {_limits.TipDeadline.TotalSeconds:0.###} s, and no more are made at once.",
                entered
                    ? "Look whether the Git host is well; it is asked again later. Ampora__Git__TipDeadline sets how long it may take."
                    : "Look whether the Git host is slow; it is asked again later. Ampora__Git__RequestsPerHost sets how many requests it gets at once.");
        }
        catch (Exception e) when (e is not GitException && HostFailure.Of(e, remote) is { } failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw failure;
        }
    }
}
