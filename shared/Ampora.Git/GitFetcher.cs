using System.Globalization;
using Ampora.Git.Fetching;

namespace Ampora.Git;

/// <summary>
/// Fetches commits with the <c>git</c> program into bare caches that can vanish at any time. Safe for concurrent use.
/// <para>
/// What git's own check of objects (fsck) calls an error or a danger is refused, and the message names the object: a directory entry
/// called <c>.</c>, <c>..</c>, <c>.git</c> or what a file system takes for it (<c>.GIT</c>, <c>git~1</c>, <c>.g\u200cit</c>), one with a
/// slash in it or without a name, two of one name, a <c>.gitmodules</c> with a URL or path that is an option. Faults that old
/// repositories are full of and that harm nobody here (modes with a zero in front, odd times and names in commits) are let pass. All
/// else, symbolic links and names of any bytes among it, is read as the data that it is.
/// </para>
/// </summary>
public sealed class GitFetcher
{
    // Most pushes are shorter; a longer one costs a second request.
    private const int FirstDepth = 64;

    // A message of a megabyte is a mistake already.
    private const long MaxCommitBytes = 16 * 1024 * 1024;

    // Putting packs together is no part of the check that it happens after, but holds the cache.
    private static readonly TimeSpan MaintenanceDeadline = TimeSpan.FromSeconds(60);

    private readonly RemoteFetch _fetch;
    private readonly CacheFolder _folder;
    private readonly GitLimits _limits;
    private readonly TimeProvider _time;

    internal GitFetcher(FetchWays ways, CacheFolder folder, GitLimits limits, TimeProvider time)
    {
        _fetch = new RemoteFetch(ways, limits);
        _folder = folder;
        _limits = limits;
        _time = time;
    }

    /// <summary>Fetches one commit and reads its tree.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="tip">The commit to fetch.</param>
    /// <param name="known">The tip before; a hint only, since the cache itself knows what it holds and transfers only what is new. Null for the first.</param>
    /// <param name="cacheKey">Names the cache, such as source and config; letters, digits and dashes.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.FetchDeadline"/> does. No process outlives the call or the result's disposal.</param>
    /// <exception cref="GitException">The commit could not be fetched.</exception>
    public async Task<FetchedCommit> FetchAsync(GitRemote remote, Tip tip, string? known, string cacheKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(tip);
        if (!ObjectId.IsValid(tip.Sha))
            throw new ArgumentException("A commit has 40 or 64 hexadecimal digits.", nameof(tip));
        _folder.Prune();
        var deadline = new CancellationTokenSource(_limits.FetchDeadline, _time);
        GitCache? cache = null;
        FetchedCommit? commit = null;
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            cache = await GitCache.OpenAsync(_folder.Path, cacheKey, ObjectId.Format(tip.Sha.Length), _time, either.Token);
            try
            {
                commit = await FetchAsync(remote, tip, cache, deadline, either.Token);
            }
            catch (CacheBrokenException) when (!cache.IsNew)
            {
                cache.Reset();
                commit = await FetchAsync(remote, tip, cache, deadline, either.Token);
            }
            catch (GitException e) when (e.Code == "limit_exceeded")
            {
                // What was too much is not kept, nor taken for known by the next fetch.
                cache.Reset();
                throw;
            }

            return commit;
        }
        catch (CacheBrokenException e)
        {
            throw GitErrors.Failed(e.Message);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw TimedOut();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw GitErrors.FolderUnusable(e);
        }
        finally
        {
            if (commit is null)
            {
                cache?.TidyAfterFailure();
                cache?.Dispose();
                deadline.Dispose();
            }
        }
    }

    /// <summary>
    /// Tells whether <paramref name="known"/> is among the ancestors of <paramref name="tip"/> by fetching commits alone, at most <see cref="GitLimits.AncestryDepth"/> of them.
    /// </summary>
    /// <param name="remote">The repository.</param>
    /// <param name="tip">Whose ancestors.</param>
    /// <param name="known">The commit to look for.</param>
    /// <param name="cacheKey">As for a fetch; the cache may be in use meanwhile, for a throw-away repository serves here.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.FetchDeadline"/> does.</param>
    /// <exception cref="GitException">The commits could not be fetched.</exception>
    public async Task<bool> IsAncestorAsync(GitRemote remote, Tip tip, string known, string cacheKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(tip);
        if (tip.Sha == known)
            return true;
        // A repository that was made anew with another hash shares no commit with the old one.
        if (tip.Sha.Length != known.Length)
            return false;
        using var deadline = new CancellationTokenSource(_limits.FetchDeadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var scratch = _folder.NewScratch(cacheKey);
        try
        {
            return await FindAncestorAsync(remote, tip, known, scratch, either.Token);
        }
        catch (CacheBrokenException e)
        {
            throw GitErrors.Failed(e.Message);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw TimedOut();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw GitErrors.FolderUnusable(e);
        }
        finally
        {
            CacheFolder.Delete(scratch);
        }
    }

    internal static GitException TimedOut() => new(
        "timeout",
        "Fetching took longer than is allowed.",
        "Look whether the Git host is slow or the repository is large; Ampora__Git__FetchDeadline sets how long it may take.");

    private async Task<FetchedCommit> FetchAsync(
        GitRemote remote, Tip tip, GitCache cache, CancellationTokenSource deadline, CancellationToken cancellationToken)
    {
        // It starts up while the fetch runs; what that brings it finds when it is asked.
        var objects = ObjectReader.Start(cache.Path, _limits.ChildMemoryBytes);
        try
        {
            await _fetch.RunAsync(remote, tip, cache.Path, ["--depth=1"], GitCache.TipRef, cancellationToken);
            await objects.AskAsync("contents", [tip.Sha], cancellationToken);
            if (await objects.ReadHeaderAsync(cancellationToken) is not { } header)
                throw GitErrors.Gone(tip);
            var commit = CommitText.Parse(await objects.ReadObjectAsync(header, "commit", MaxCommitBytes, cancellationToken));
            var entries = await TreeWalk.ReadAsync(objects, commit.TreeId, _limits, cancellationToken);
            if (cache.IsNew)
                cache.NoteFirstFetch();
            return new CachedCommit(cache, objects, deadline, MaintainAsync)
            {
                Author = commit.Author,
                Subject = commit.Subject,
                CommittedAt = commit.CommittedAt,
                Parents = commit.Parents,
                Entries = entries,
                Sha = tip.Sha,
                Signature = commit.Signature,
                MemoryBytes = _limits.ChildMemoryBytes,
            };
        }
        catch
        {
            await objects.DisposeAsync();
            throw;
        }
    }

    private async Task<bool> FindAncestorAsync(GitRemote remote, Tip tip, string known, string scratch, CancellationToken cancellationToken)
    {
        GitCache.Make(scratch, ObjectId.Format(tip.Sha.Length));
        await using var objects = ObjectReader.Start(scratch, _limits.ChildMemoryBytes);
        foreach (var depth in new[] { Math.Min(FirstDepth, _limits.AncestryDepth), _limits.AncestryDepth }.Distinct())
        {
            // Commits without trees, where the host can leave those out. It counts from the tip itself, hence one more.
            string[] options = ["--filter=tree:0", $"--depth={(depth + 1).ToString(CultureInfo.InvariantCulture)}"];
            await _fetch.RunAsync(remote, tip, scratch, options, GitCache.TipRef, cancellationToken);
            // git notes the relay as the source of what was left out. Nothing is ever asked of it again.
            await File.WriteAllTextAsync(Path.Combine(scratch, "config"), GitCache.Config(ObjectId.Format(tip.Sha.Length)), cancellationToken);
            // What the host sent are the tip and its ancestors, so the commit is one of them if it is here at all.
            await objects.AskAsync("info", [known], cancellationToken);
            if (await objects.ReadHeaderAsync(cancellationToken) is not null)
                return true;
            if (!File.Exists(Path.Combine(scratch, "shallow")))
                return false;
        }

        return false;
    }

    private async Task MaintainAsync(GitCache cache)
    {
        try
        {
            if (cache.WantsRepack)
            {
                using var deadline = new CancellationTokenSource(MaintenanceDeadline, _time);
                await GitProcess.RunAsync(
                    cache.Path, ["repack", "--geometric=2", "-d", "-q"], [("core.fsync", "none")], _limits.ChildMemoryBytes, deadline.Token);
            }

            if (cache.IsOvergrown)
                cache.Reset();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or UnauthorizedAccessException or GitException)
        {
            // The tip is read already; a cache that cannot be tended is made anew by the fetch that finds it broken.
        }
    }
}
