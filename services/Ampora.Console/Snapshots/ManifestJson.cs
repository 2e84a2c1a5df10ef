using System.Text.Json;
using Ampora.Store.Snapshots;

namespace Ampora.Console.Snapshots;

/// <summary>Writes a revision's manifest, of which there may be hundreds of thousands of entries, piece by piece.</summary>
internal static class ManifestJson
{
    private const int FlushBytes = 64 * 1024;

    public static async Task WriteAsync(Stream output, KeptRevision revision, IEnumerable<ManifestEntry> files, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("sourceId", revision.SourceId);
        json.WriteString("sha", revision.Sha);
        json.WriteString("subject", revision.Sweep?.Subject);
        json.WriteString("author", revision.Sweep?.Author);
        if (revision.Sweep is { } sweep)
            json.WriteString("committedAt", sweep.CommittedAt.UtcDateTime);
        else
            json.WriteNull("committedAt");
        json.WriteString("storedAt", revision.StoredAt.UtcDateTime);
        var bytes = 0L;
        json.WriteStartArray("files");
        foreach (var file in files)
        {
            var (path, escaped) = TreePath.Show(file.Path);
            json.WriteStartObject();
            json.WriteString("path", path);
            if (escaped)
                json.WriteString("pathEncoding", "percent");
            json.WriteString("mode", file.Mode);
            json.WriteString("objectId", file.ObjectId);
            bytes += file.Size ?? 0;
            if (file.Size is { } size)
                json.WriteNumber("size", size);
            else
                json.WriteNull("size");
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes)
                await json.FlushAsync(cancellationToken);
        }

        json.WriteEndArray();
        json.WriteNumber("bytes", bytes);
        json.WriteEndObject();
        await json.FlushAsync(cancellationToken);
    }
}

/// <summary>A kept revision with its files, for the API's description; it is written as a stream.</summary>
internal sealed record ManifestBody(
    string SourceId, string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime StoredAt, IReadOnlyList<ManifestFile> Files, long Bytes);

/// <summary>A file, symbolic link or submodule of a revision.</summary>
/// <param name="Path">The path from the root. With <paramref name="PathEncoding"/> it is in %XX form.</param>
/// <param name="PathEncoding"><c>percent</c> for a path that is not valid UTF-8; otherwise absent.</param>
/// <param name="Mode">The mode exactly as in the tree.</param>
/// <param name="ObjectId">Git's object id.</param>
/// <param name="Size">Bytes; null for a submodule.</param>
internal sealed record ManifestFile(string Path, string? PathEncoding, string Mode, string ObjectId, long? Size);
