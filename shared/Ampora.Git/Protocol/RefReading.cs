namespace Ampora.Git.Protocol;

/// <summary>What one listing of a repository's refs told.</summary>
/// <param name="Transport">How it was read: <c>http-v2</c>, <c>http-v0</c>, <c>ssh-v2</c> or <c>ssh-v0</c>.</param>
/// <param name="MovedTo">Where the host says that the repository is now; null while it is where the URL says.</param>
/// <param name="Refs">What was found.</param>
internal sealed record RefReading(string Transport, string? MovedTo, RefQuery Refs)
{
    /// <summary>The tip of one of the refs that were looked for.</summary>
    /// <exception cref="GitException">It is not there.</exception>
    public Tip TipOf(string refName)
    {
        var tip = Refs.TipOf(refName);
        return MovedTo is null ? tip : tip with { MovedTo = MovedTo };
    }
}
