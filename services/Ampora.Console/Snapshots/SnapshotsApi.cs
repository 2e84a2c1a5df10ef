using System.Globalization;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Snapshots;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;

namespace Ampora.Console.Snapshots;

/// <summary>Kept revisions: the list, and of each its manifest, its files and an archive, which are data and never a page.</summary>
internal static class SnapshotsApi
{
    private const string List = "snapshots";
    private const string AnyBytes = "application/octet-stream";
    private const string Gzip = "application/gzip";

    private static readonly string[] Readable = [HttpMethods.Get, HttpMethods.Head];

    public static void MapSnapshots(this IEndpointRouteBuilder api)
    {
        var snapshots = api.MapGroup("/git/sources/{id}/snapshots").WithTags("Snapshots").RequireAuthorization(Role.PolicyOf(Role.Viewer));
        snapshots.MapGet("", ListAsync);
        var revision = snapshots.MapGroup("/{sha}").ProducesProblem(StatusCodes.Status404NotFound);
        revision.MapMethods("", Readable, ReadManifestAsync).Produces<ManifestBody>().Produces(StatusCodes.Status304NotModified)
            .WithSummary("A revision's files, as the source's filter shows them.");
        revision.MapMethods("/files/{**path}", Readable, ReadFileAsync)
            .Produces(StatusCodes.Status200OK, contentType: AnyBytes)
            .Produces(StatusCodes.Status206PartialContent, contentType: AnyBytes)
            .Produces(StatusCodes.Status304NotModified)
            .Produces(StatusCodes.Status416RangeNotSatisfiable)
            .WithSummary("One file's bytes, or a range of them, as an attachment.");
        revision.MapMethods("/archive.tar.gz", Readable, ReadArchiveAsync)
            .Produces(StatusCodes.Status200OK, contentType: Gzip)
            .Produces(StatusCodes.Status304NotModified)
            .WithSummary("The files as an archive, the same bytes each time.");
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
        var revision = await KeptRevision.FindAsync(database, caller, id, sha, cancellationToken);
        if (IsCurrent(request, revision))
            return NotModified(request, revision);
        request.HttpContext.Response.Headers.ETag = revision.Tag;
        if (HttpMethods.IsHead(request.Method))
            return Head(request, "application/json");
        var files = (await revision.ReadEntriesAsync(store, cancellationToken)).Where(revision.Shows);
        return Results.Stream(output => ManifestJson.WriteAsync(output, revision, files, cancellationToken), "application/json");
    }

    private static async Task<IResult> ReadFileAsync(
        string id, string sha, string path, Caller caller, Database<StoreContext> database, SnapshotStore store, HttpRequest request,
        CancellationToken cancellationToken)
    {
        var revision = await KeptRevision.FindAsync(database, caller, id, sha, cancellationToken);
        var entry = await FindFileAsync(store, revision, path, cancellationToken)
            ?? await FindFileAsync(store, revision, path.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase), cancellationToken);
        if (entry is not { IsDirectory: false, IsSubmodule: false, Size: { } size } || !revision.Shows(entry))
        {
            throw new RequestRefusedException(
                404,
                "file_not_found",
                "No such file",
                "The revision has no file at this path that is shown; the manifest lists them. Directories and submodules have no content, and what include and exclude leave out is not shown.");
        }

        var headers = AsData(request, TreePath.Show(entry.Path).Text);
        if (IsCurrent(request, revision))
            return NotModified(request, revision);
        headers.ETag = revision.Tag;
        if (HttpMethods.IsHead(request.Method))
        {
            headers.AcceptRanges = "bytes";
            headers.ContentLength = size;
            return Head(request, AnyBytes);
        }

        var content = await store.OpenBlobAsync(id, entry.ObjectId, cancellationToken)
            ?? throw new RequestRefusedException(404, "file_not_found", "No such file", "The file's content is not kept any more.");
        // The framework takes every unit for bytes; a range of another one is to be passed over (RFC 9110, section 14.2).
        if (request.GetTypedHeaders().Range is { } range && !range.Unit.Equals("bytes", StringComparison.OrdinalIgnoreCase))
            request.Headers.Range = default;
        return Results.Stream(content, AnyBytes, entityTag: EntityTagHeaderValue.Parse(revision.Tag), enableRangeProcessing: true);
    }

    private static async Task<IResult> ReadArchiveAsync(
        string id, string sha, Caller caller, Database<StoreContext> database, SnapshotStore store, ArchiveWriter archive, HttpRequest request,
        CancellationToken cancellationToken)
    {
        var revision = await KeptRevision.FindAsync(database, caller, id, sha, cancellationToken);
        var headers = AsData(request, $"{id}-{revision.Sha[..12]}.tar.gz");
        if (IsCurrent(request, revision))
            return NotModified(request, revision);
        headers.ETag = revision.Tag;
        if (HttpMethods.IsHead(request.Method))
            return Head(request, Gzip);
        var entries = (await revision.ReadEntriesAsync(store, cancellationToken)).Where(e => e.IsDirectory || revision.Shows(e));
        var committedAt = revision.Sweep?.CommittedAt ?? DateTimeOffset.UnixEpoch;
        return Results.Stream(output => archive.WriteAsync(output, id, revision.Sha, committedAt, entries, cancellationToken), Gzip);
    }

    private static async Task<ManifestEntry?> FindFileAsync(SnapshotStore store, KeptRevision revision, string path, CancellationToken cancellationToken)
    {
        if (await store.FindEntryAsync(revision.SourceId, revision.Config, revision.Sha, TreePath.ToRaw(path), cancellationToken) is { } found)
            return found;
        // Not a UTF-8 name: then it is asked for as the manifest shows it.
        return path.Contains('%', StringComparison.Ordinal)
            ? (await revision.ReadEntriesAsync(store, cancellationToken)).FirstOrDefault(entry => TreePath.Show(entry.Path) is (var text, true) && text == path)
            : null;
    }

    private static (DateTimeOffset At, string Sha) ReadPlace(string cursor)
    {
        var parts = cursor.Split('.');
        if (parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            && ticks <= DateTime.MaxValue.Ticks && KeptRevision.IsSha(parts[1]))
            return (new DateTimeOffset(ticks, TimeSpan.Zero), parts[1]);
        throw PageQuery.BadCursor();
    }

    // Repository content is data: no browser may run it on this origin, whatever it is called.
    private static IHeaderDictionary AsData(HttpRequest request, string path)
    {
        var headers = request.HttpContext.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        var disposition = new ContentDispositionHeaderValue("attachment");
        // Makes an ASCII name for old clients and an encoded one (RFC 8187); neither can break the header.
        disposition.SetHttpFileName(path[(path.LastIndexOf('/') + 1)..]);
        headers.ContentDisposition = disposition.ToString();
        return headers;
    }

    private static bool IsCurrent(HttpRequest request, KeptRevision revision) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch!, out var known)
        && known.Any(k => k.Equals(EntityTagHeaderValue.Any) || k.Tag == revision.Tag);

    private static StatusCodeHttpResult NotModified(HttpRequest request, KeptRevision revision)
    {
        request.HttpContext.Response.Headers.ETag = revision.Tag;
        return TypedResults.StatusCode(StatusCodes.Status304NotModified);
    }

    // What a GET would say, without reading what it would show.
    private static EmptyHttpResult Head(HttpRequest request, string contentType)
    {
        request.HttpContext.Response.ContentType = contentType;
        return TypedResults.Empty;
    }
}

/// <summary>A kept revision: what is stored of it, whatever the source's filter shows.</summary>
internal sealed record SnapshotView(string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime StoredAt, int Files, long Bytes);
