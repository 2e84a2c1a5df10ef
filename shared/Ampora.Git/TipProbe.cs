namespace Ampora.Git;

/// <summary>Tries whether a repository can be read, as a check of a source would, and tells how. Safe for concurrent use.</summary>
public sealed class TipProbe
{
    private readonly TipReader _tips;

    internal TipProbe(TipReader tips) => _tips = tips;

    /// <summary>Reads a tip once, by itself.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">The ref as a source would name it.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.TipDeadline"/> does.</param>
    /// <exception cref="GitException">It cannot be read; the code tells whether URL, connection, credential or ref is the reason.</exception>
    public async Task<ProbeResult> RunAsync(GitRemote remote, string refName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        if (GitRef.FindProblem(refName) is { } problem)
            throw new GitException("invalid_ref", problem, "Correct the ref.");
        var reading = await _tips.ListAsync(remote, [refName], cancellationToken);
        var tip = reading.TipOf(refName);
        return new ProbeResult(reading.Transport, reading.MovedTo, tip.RefName, tip.Sha);
    }
}

/// <summary>How a repository was read.</summary>
/// <param name="Transport"><c>http-v2</c>, <c>http-v0</c>, <c>ssh-v2</c> or <c>ssh-v0</c>.</param>
/// <param name="MovedTo">Where the host says that the repository is now; null while it is where the URL says.</param>
/// <param name="RefName">The full name of the ref that was read; see <see cref="Tip.RefName"/>.</param>
/// <param name="Sha">The commit at it.</param>
public sealed record ProbeResult(string Transport, string? MovedTo, string RefName, string Sha);
