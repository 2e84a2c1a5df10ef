namespace Ampora.Git;

/// <summary>Fetches commits with the <c>git</c> program into bare caches that can vanish at any time. Safe for concurrent use.</summary>
public sealed class GitFetcher
{
    /// <summary>Fetches one commit and reads its tree.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="tip">The commit to fetch.</param>
    /// <param name="known">The tip before, to tell a forced update and to transfer only what is new; null for the first.</param>
    /// <param name="cacheKey">Names the cache, such as source and config; letters, digits and dashes.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.FetchDeadline"/> does. No process outlives the call or the result's disposal.</param>
    /// <exception cref="GitException">The commit could not be fetched.</exception>
    public Task<FetchedCommit> FetchAsync(GitRemote remote, Tip tip, string? known, string cacheKey, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>
    /// Tells whether <paramref name="known"/> is among the ancestors of <paramref name="tip"/> by fetching commits alone, at most <see cref="GitLimits.AncestryDepth"/> of them.
    /// </summary>
    public Task<bool> IsAncestorAsync(GitRemote remote, Tip tip, string known, string cacheKey, CancellationToken cancellationToken) =>
        throw new NotImplementedException();
}

/// <summary>A commit whose tree is at hand until it is disposed.</summary>
public abstract class FetchedCommit : IAsyncDisposable
{
    /// <summary>The author as <c>Name &lt;mail&gt;</c>, cut to a readable length.</summary>
    public required string Author { get; init; }

    /// <summary>The first line of the message, cut to a readable length.</summary>
    public required string Subject { get; init; }

    /// <summary>The committer's time, UTC.</summary>
    public required DateTimeOffset CommittedAt { get; init; }

    /// <summary>Object ids of the parents, in order.</summary>
    public required IReadOnlyList<string> Parents { get; init; }

    /// <summary>Every entry of every directory, sorted by path bytes.</summary>
    public required IReadOnlyList<TreeEntry> Entries { get; init; }

    /// <summary>Streams blobs, one after another, each verified against its id when its stream has been read to the end.</summary>
    /// <param name="objectIds">Which; each must be a blob of <see cref="Entries"/>.</param>
    /// <param name="receive">Takes id, size and content; it must read the content to the end.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public abstract Task ReadBlobsAsync(
        IReadOnlyCollection<string> objectIds, Func<string, long, Stream, CancellationToken, Task> receive, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>One entry of a tree.</summary>
/// <param name="Path">Path from the root with <c>/</c>; each char is one raw byte (Latin-1), since Git gives names no encoding.</param>
/// <param name="Mode">The mode exactly as in the tree object.</param>
/// <param name="ObjectId">The blob, tree or commit, hexadecimal.</param>
/// <param name="Size">Bytes of a blob; null for directories and submodules.</param>
public sealed record TreeEntry(string Path, string Mode, string ObjectId, long? Size);
