using Ampora.Git.Signatures;

namespace Ampora.Git.Fetching;

/// <summary>A commit in a cache; it holds the cache's lock and one reading git until it is disposed.</summary>
internal sealed class CachedCommit(GitCache cache, ObjectReader objects, CancellationTokenSource deadline, Func<GitCache, Task> maintain) : FetchedCommit
{
    private readonly HashSet<string> _blobs = new(StringComparer.Ordinal);
    private int _disposed;

    /// <summary>The commit's object id.</summary>
    public required string Sha { get; init; }

    /// <summary>The first line of the commit's signature; null when it has none.</summary>
    public required string? Signature { get; init; }

    /// <summary>Bytes that a git which verifies the commit may take for one object.</summary>
    public required long MemoryBytes { get; init; }

    public override async Task ReadBlobsAsync(
        IReadOnlyCollection<string> objectIds, Func<string, long, Stream, CancellationToken, Task> receive, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        if (_blobs.Count == 0)
            _blobs.UnionWith(Entries.Where(entry => entry.Size is not null).Select(entry => entry.ObjectId));
        if (objectIds.FirstOrDefault(id => !_blobs.Contains(id)) is { } stranger)
            throw new ArgumentException($"{stranger} is no blob of this commit.", nameof(objectIds));
        try
        {
            foreach (var ids in objectIds.Chunk(ObjectReader.MaxRequests))
            {
                await objects.AskAsync("contents", ids, either.Token);
                foreach (var id in ids)
                    await ReadBlobAsync(id, receive, either.Token);
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw GitFetcher.TimedOut();
        }
        catch (CacheBrokenException e)
        {
            // Nothing half-read is kept: the next check finds an empty cache and fetches anew.
            cache.Reset();
            throw GitErrors.Failed(e.Message);
        }
    }

    public override async Task<CommitSigner> VerifyAsync(string allowedSigners, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await CommitVerification.VerifyAsync(cache.Path, Sha, Signature, allowedSigners, MemoryBytes, either.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw GitFetcher.TimedOut();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw GitErrors.FolderUnusable(e);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        try
        {
            await objects.DisposeAsync();
            await maintain(cache);
        }
        finally
        {
            cache.Dispose();
            deadline.Dispose();
        }
    }

    private async Task ReadBlobAsync(string id, Func<string, long, Stream, CancellationToken, Task> receive, CancellationToken cancellationToken)
    {
        if (await objects.ReadHeaderAsync(cancellationToken) is not { Type: "blob" } header)
            throw new CacheBrokenException($"The blob {id} is missing.");
        await using var content = objects.OpenContent(header);
        await receive(id, header.Size, content, cancellationToken);
        if (header.Size == 0)
            await content.FinishAsync(cancellationToken);
        if (!content.IsFinished)
            throw new InvalidOperationException("A blob's content was not read to its end.");
    }
}
