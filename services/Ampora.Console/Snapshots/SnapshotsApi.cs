using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;

namespace Ampora.Console.Snapshots;

/// <summary>Kept revisions: the list, a revision's manifest, and its files, which are data and never a page.</summary>
internal static partial class SnapshotsApi
{
    private const string List = "snapshots";
    private const string Latest = "latest";

    // A manifest may have a million entries: it is written in pieces of this size.
    private const int FlushBytes = 64 * 1024;

    public static void MapSnapshots(this IEndpointRouteBuilder api)
    {
        var snapshots = api.MapGroup("/git/sources/{id}/snapshots").WithTags("Snapshots").RequireAuthorization(Role.PolicyOf(Role.Viewer));
        snapshots.MapGet("", ListAsync);
        snapshots.MapGet("/{sha}", ReadManifestAsync).Produces<ManifestBody>();
        snapshots.MapGet("/{sha}/files/{**path}", ReadFileAsync).Produces(200, contentType: "application/octet-stream");
    }

    private static async Task<Ok<PageOf<SnapshotView>>> ListAsync(
        string id, [AsParameters] PageQuery page, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        var snapshots = context.Snapshots.Where(s => s.SourceId == id && s.Visible);
        if (page.ReadCursor(List) is { } cursor)
        {
            var (at, sha) = ReadPlace(cursor);
            snapshots = snapshots.Where(s => s.StoredAt < at || (s.StoredAt == at && string.Compare(s.Sha, sha) < 0));
        }

        var read = await snapshots
            .OrderByDescending(s => s.StoredAt).ThenByDescending(s => s.Sha)
            .Select(s => new { s.Sha, s.Config, s.Files, s.Bytes, s.StoredAt })
            .Take(page.ReadLimit() + 1)
            .ToListAsync(cancellationToken);
        var (rows, next) = page.Cut(List, read, s => $"{PageQuery.Number(s.StoredAt.UtcTicks)}.{s.Sha}");
        var shas = rows.Select(r => r.Sha).Distinct().ToList();
        var sweeps = (await context.Sweeps.AsNoTracking().Where(t => t.SourceId == id && shas.Contains(t.Sha)).ToListAsync(cancellationToken))
            .ToDictionary(t => (t.Config, t.Sha));
        return TypedResults.Ok(new PageOf<SnapshotView>(
            [.. rows.Select(r =>
            {
                var sweep = sweeps.GetValueOrDefault((r.Config, r.Sha));
                return new SnapshotView(r.Sha, sweep?.Subject, sweep?.Author, sweep?.CommittedAt.UtcDateTime, r.StoredAt.UtcDateTime, r.Files, r.Bytes);
            })],
            next));
    }

    private static async Task<IResult> ReadManifestAsync(
        string id, string sha, Caller caller, Database<StoreContext> database, SnapshotStore store, HttpRequest request, CancellationToken cancellationToken)
    {
        var found = await FindAsync(id, sha, caller, database, cancellationToken);
        if (IsCurrent(request, found.Tag))
            return NotModified(request, found.Tag);
        var manifest = await store.ReadManifestAsync(id, found.Config, found.Sha, staged: false, cancellationToken) ?? throw NoSnapshot();
        request.HttpContext.Response.Headers.ETag = found.Tag;
        return Results.Stream(output => WriteAsync(output, id, found, manifest, cancellationToken), "application/json");
    }

    private static async Task<IResult> ReadFileAsync(
        string id, string sha, string path, Caller caller, Database<StoreContext> database, SnapshotStore store, HttpRequest request,
        CancellationToken cancellationToken)
    {
        var found = await FindAsync(id, sha, caller, database, cancellationToken);
        var manifest = await store.ReadManifestAsync(id, found.Config, found.Sha, staged: false, cancellationToken) ?? throw NoSnapshot();
        var entry = FindFile(manifest, path) ?? FindFile(manifest, path.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase));
        if (entry is not { IsDirectory: false, IsSubmodule: false })
        {
            throw new RequestRefusedException(
                404, "file_not_found", "No such file", "The revision has no file at this path; the manifest lists them. Directories and submodules have no content.");
        }

        var headers = request.HttpContext.Response.Headers;
        // Repository content is data: no browser may run it on this origin, whatever it is called.
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        if (IsCurrent(request, found.Tag))
            return NotModified(request, found.Tag);

        var content = await store.OpenBlobAsync(id, entry.ObjectId, cancellationToken)
            ?? throw new RequestRefusedException(404, "file_not_found", "No such file", "The file's content is not kept any more.");
        var name = TreePath.Show(entry.Path).Text;
        headers.ETag = found.Tag;
        headers.ContentDisposition = Attachment(name[(name.LastIndexOf('/') + 1)..]);
        if (entry.Size is { } size)
            headers.ContentLength = size;
        return Results.Stream(content, "application/octet-stream");
    }

    private static async Task<Found> FindAsync(string id, string sha, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        var snapshots = context.Snapshots.Where(s => s.SourceId == id && s.Visible);
        if (sha == Latest)
            snapshots = snapshots.Where(s => context.Wakeups.Any(w => w.SourceId == id && w.TipSha == s.Sha && w.TipConfig == s.Config));
        else if (Sha().IsMatch(sha))
            snapshots = snapshots.Where(s => s.Sha == sha);
        else
            throw NoSnapshot();

        // The same commit may have been stored under earlier settings too: the latest settings count.
        var row = await snapshots
            .OrderByDescending(s => s.Config)
            .Select(s => new { s.Sha, s.Config, s.Files, s.Bytes, s.StoredAt })
            .FirstOrDefaultAsync(cancellationToken) ?? throw NoSnapshot();
        var source = await context.Sources.Where(s => s.Id == id).Select(s => new { s.Include, s.Exclude }).SingleAsync(cancellationToken);
        var sweep = await context.Sweeps.AsNoTracking().SingleOrDefaultAsync(t => t.SourceId == id && t.Config == row.Config && t.Sha == row.Sha, cancellationToken);
        return new Found(row.Sha, row.Config, $"\"{row.Sha}-{FilterHash(source.Include, source.Exclude)}\"", row.Files, row.Bytes, row.StoredAt, sweep);
    }

    private static ManifestEntry? FindFile(Manifest manifest, string path)
    {
        var raw = TreePath.ToRaw(path);
        foreach (var entry in manifest.Entries)
        {
            if (string.Equals(entry.Path, raw, StringComparison.Ordinal))
                return entry;
        }

        // Not a UTF-8 name: then it is asked for as the manifest shows it.
        return manifest.Entries.FirstOrDefault(entry => TreePath.Show(entry.Path) is (var text, true) && text == path);
    }

    private static async Task WriteAsync(Stream output, string id, Found found, Manifest manifest, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("sourceId", id);
        json.WriteString("sha", found.Sha);
        json.WriteString("subject", found.Sweep?.Subject);
        json.WriteString("author", found.Sweep?.Author);
        if (found.Sweep is { } sweep)
            json.WriteString("committedAt", sweep.CommittedAt.UtcDateTime);
        else
            json.WriteNull("committedAt");
        json.WriteString("storedAt", found.StoredAt.UtcDateTime);
        json.WriteNumber("bytes", found.Bytes);
        json.WriteStartArray("files");
        foreach (var entry in manifest.Entries.Where(e => !e.IsDirectory))
        {
            var (path, escaped) = TreePath.Show(entry.Path);
            json.WriteStartObject();
            json.WriteString("path", path);
            if (escaped)
                json.WriteString("pathEncoding", "percent");
            json.WriteString("mode", entry.Mode);
            json.WriteString("objectId", entry.ObjectId);
            if (entry.Size is { } size)
                json.WriteNumber("size", size);
            else
                json.WriteNull("size");
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes)
                await json.FlushAsync(cancellationToken);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(cancellationToken);
    }

    private static (DateTimeOffset At, string Sha) ReadPlace(string cursor)
    {
        var parts = cursor.Split('.');
        if (parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            && ticks <= DateTime.MaxValue.Ticks && Sha().IsMatch(parts[1]))
            return (new DateTimeOffset(ticks, TimeSpan.Zero), parts[1]);
        throw PageQuery.BadCursor();
    }

    private static string FilterHash(string? include, string? exclude) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{include}\0{exclude}")).AsSpan(0, 8));

    private static bool IsCurrent(HttpRequest request, string tag) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch!, out var known)
        && known.Any(k => k.Equals(EntityTagHeaderValue.Any) || k.Tag == tag);

    private static StatusCodeHttpResult NotModified(HttpRequest request, string tag)
    {
        request.HttpContext.Response.Headers.ETag = tag;
        return TypedResults.StatusCode(StatusCodes.Status304NotModified);
    }

    private static string Attachment(string name)
    {
        var disposition = new ContentDispositionHeaderValue("attachment");
        // Makes an ASCII name for old clients and an encoded one (RFC 8187); neither can break the header.
        disposition.SetHttpFileName(name);
        return disposition.ToString();
    }

    private static RequestRefusedException NoSnapshot() => new(
        404, "snapshot_not_found", "No such revision", "There is no kept revision with this id; the source's snapshots are listed at …/snapshots. 'latest' is there after the first run.");

    [GeneratedRegex(@"\A([0-9a-f]{40}|[0-9a-f]{64})\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sha();

    private sealed record Found(string Sha, long Config, string Tag, int Files, long Bytes, DateTimeOffset StoredAt, Sweep? Sweep);
}

/// <summary>A kept revision.</summary>
internal sealed record SnapshotView(string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime StoredAt, int Files, long Bytes);

/// <summary>A kept revision with its files, for the API's description; it is written as a stream.</summary>
internal sealed record ManifestBody(
    string SourceId, string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime StoredAt, long Bytes, IReadOnlyList<ManifestFile> Files);

/// <summary>A file, symbolic link or submodule of a revision.</summary>
/// <param name="Path">The path from the root. With <paramref name="PathEncoding"/> it is in %XX form.</param>
/// <param name="PathEncoding"><c>percent</c> for a path that is not valid UTF-8; otherwise absent.</param>
/// <param name="Mode">The mode exactly as in the tree.</param>
/// <param name="ObjectId">Git's object id.</param>
/// <param name="Size">Bytes; null for a submodule.</param>
internal sealed record ManifestFile(string Path, string? PathEncoding, string Mode, string ObjectId, long? Size);
