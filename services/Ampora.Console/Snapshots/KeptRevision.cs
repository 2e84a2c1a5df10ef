using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Database;
using Ampora.Git.Filtering;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Snapshots;

/// <summary>A kept revision as its source's filter shows it.</summary>
/// <param name="SourceId">The source.</param>
/// <param name="Sha">The commit.</param>
/// <param name="Config">The version of the settings that it was stored under.</param>
/// <param name="StoredAt">When it was stored.</param>
/// <param name="Sweep">What is known of the commit.</param>
/// <param name="Filter">Which of its files are shown.</param>
/// <param name="Tag">The ETag of all that is shown of it: the commit and the filter decide each byte.</param>
internal sealed partial record KeptRevision(string SourceId, string Sha, long Config, DateTimeOffset StoredAt, Sweep? Sweep, PathFilter Filter, string Tag)
{
    private const string Latest = "latest";

    /// <summary>Finds a revision; answers 404 when there is none, or the caller may not see its source.</summary>
    /// <param name="database">The store.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="id">The source.</param>
    /// <param name="sha">The commit, or <c>latest</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<KeptRevision> FindAsync(Database<StoreContext> database, Caller caller, string id, string sha, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        var snapshots = context.Snapshots.Where(s => s.SourceId == id && s.Visible);
        if (sha == Latest)
            snapshots = snapshots.Where(s => context.Wakeups.Any(w => w.SourceId == id && w.TipSha == s.Sha && w.TipConfig == s.Config));
        else if (IsSha(sha))
            snapshots = snapshots.Where(s => s.Sha == sha);
        else
            throw Missing();

        // The same commit may have been stored under earlier settings too: the latest settings count.
        var row = await snapshots
            .OrderByDescending(s => s.Config)
            .Select(s => new { s.Sha, s.Config, s.StoredAt })
            .FirstOrDefaultAsync(cancellationToken) ?? throw Missing();
        var source = await context.Sources.Where(s => s.Id == id).Select(s => new { s.Include, s.Exclude }).SingleOrDefaultAsync(cancellationToken) ?? throw Missing();
        var sweep = await context.Sweeps.AsNoTracking().SingleOrDefaultAsync(t => t.SourceId == id && t.Config == row.Config && t.Sha == row.Sha, cancellationToken);
        // It was read before it was stored; a row that was changed past the API must not show what it was to hide.
        if (PathFilter.TryParse(source.Include, source.Exclude, out var filter) is { } problem)
            throw new RequestRefusedException(409, "invalid_filter", "Unusable filter", $"The stored path filter cannot be read. {problem} Set include and exclude anew.");
        return new KeptRevision(id, row.Sha, row.Config, row.StoredAt, sweep, filter!, $"\"{row.Sha}-{HashOf(source.Include, source.Exclude)}\"");
    }

    /// <summary>Whether a text can be a commit's id.</summary>
    public static bool IsSha(string text) => Sha1OrSha256().IsMatch(text);

    /// <summary>Says that there is no such revision.</summary>
    public static RequestRefusedException Missing() => new(
        404, "snapshot_not_found", "No such revision", "There is no kept revision with this id; the source's snapshots are listed at …/snapshots. 'latest' is there after the first run.");

    /// <summary>Reads its tree, to be looked through; answers 404 when it went meanwhile.</summary>
    public async Task<IEnumerable<ManifestEntry>> ReadEntriesAsync(SnapshotStore store, CancellationToken cancellationToken) =>
        await store.ReadEntriesAsync(SourceId, Config, Sha, staged: false, cancellationToken) ?? throw Missing();

    /// <summary>Whether a file, symbolic link or submodule is shown.</summary>
    public bool Shows(ManifestEntry entry) => !entry.IsDirectory && Filter.Includes(entry.Path, entry.IsSubmodule);

    private static string HashOf(string? include, string? exclude) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{include}\0{exclude}")).AsSpan(0, 8));

    [GeneratedRegex(@"\A([0-9a-f]{40}|[0-9a-f]{64})\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sha1OrSha256();
}
