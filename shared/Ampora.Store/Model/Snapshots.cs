namespace Ampora.Store.Model;

/// <summary>The stored tree of one commit. Written invisible while its check runs, made visible by the check's finish.</summary>
public sealed class Snapshot
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>The version of the settings that it was fetched under.</summary>
    public required long Config { get; set; }

    /// <summary>The commit.</summary>
    public required string Sha { get; set; }

    /// <summary>Which pieces are its manifest, compressed; see <see cref="Snapshots.Manifest"/>.</summary>
    public required Guid ManifestId { get; set; }

    /// <summary>How many files, symbolic links and submodules it has.</summary>
    public required int Files { get; set; }

    /// <summary>Bytes of all its blobs, uncompressed.</summary>
    public required long Bytes { get; set; }

    /// <summary>Whether it is complete and its check committed.</summary>
    public required bool Visible { get; set; }

    /// <summary>When it was stored, UTC.</summary>
    public required DateTimeOffset StoredAt { get; set; }
}

/// <summary>The content of one Git blob, once for each source. Content enters only from a fetch of the same source.</summary>
public sealed class Blob
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>Git's object id, hexadecimal.</summary>
    public required string ObjectId { get; set; }

    /// <summary>Which pieces are its content. Whoever stored it first gave the id; the pieces of a slower writer go away again.</summary>
    public required Guid ContentId { get; set; }

    /// <summary>Bytes, uncompressed.</summary>
    public required long Size { get; set; }

    /// <summary>When it was last stored or found present by a check, UTC.</summary>
    public required DateTimeOffset StoredAt { get; set; }
}

/// <summary>
/// A piece of a blob's or a manifest's compressed content, so that no value is large. Pieces are written first and the blob or snapshot last, so what is there is
/// complete; pieces of a writer that died belong to nothing.
/// </summary>
public sealed class BlobChunk
{
    /// <summary>The content that it is a piece of: <see cref="Blob.ContentId"/> or <see cref="Snapshot.ManifestId"/>. It begins with the time at which it was made.</summary>
    public required Guid ContentId { get; set; }

    /// <summary>The piece's place, from 0.</summary>
    public required int Place { get; set; }

    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>A piece of one compressed stream.</summary>
    public required byte[] Data { get; set; }
}
