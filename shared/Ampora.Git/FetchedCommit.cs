using Ampora.Git.Signatures;

namespace Ampora.Git;

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

    /// <summary>Verifies that an allowed SSH key signed the commit itself; what its ancestors are signed by, if at all, is not looked at.</summary>
    /// <param name="allowedSigners">Whose signatures count, in the format of ALLOWED SIGNERS in ssh-keygen(1); see <see cref="AllowedSigners"/>.</param>
    /// <param name="cancellationToken">Ends the wait; besides, the deadline of the fetch does.</param>
    /// <returns>Who signed it.</returns>
    /// <exception cref="GitException">
    /// <c>signature_missing</c>, <c>signature_invalid</c>, <c>signer_not_allowed</c>; <c>fetch_failed</c> when it could not be verified at all.
    /// </exception>
    public abstract Task<CommitSigner> VerifyAsync(string allowedSigners, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>One entry of a tree.</summary>
/// <param name="Path">Path from the root with <c>/</c>; each char is one raw byte (Latin-1), since Git gives names no encoding.</param>
/// <param name="Mode">The mode exactly as in the tree object.</param>
/// <param name="ObjectId">The blob, tree or commit, hexadecimal.</param>
/// <param name="Size">Bytes of a blob; null for directories and submodules.</param>
public sealed record TreeEntry(string Path, string Mode, string ObjectId, long? Size);
