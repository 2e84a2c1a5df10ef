using Ampora.Store.Sql;

namespace Ampora.Store.Snapshots;

/// <summary>What retention and garbage collection of snapshots read and remove, always of one source.</summary>
internal static class CollectStatements
{
    // Two ints keep it apart from other uses of advisory locks: "ampb", and the source.
    private const string PiecesLock = "(1634562146, hashtext(@id))";

    // Staged by a check that never finished: its sweeper died, or lost its lease.
    private const string Left = "(NOT s.visible AND s.stored_at < @before)";

    /// <summary>Sources that have a snapshot too many, or one that was left staged.</summary>
    public static Statement Overfull { get; } = new($"""
        SELECT s.source_id FROM snapshots AS s GROUP BY s.source_id
        HAVING sum(CASE WHEN s.visible THEN 1 ELSE 0 END) > @keep OR sum(CASE WHEN {Left} THEN 1 ELSE 0 END) > 0
        ORDER BY s.source_id
        """);

    /// <summary>
    /// Locks the wake-up row before its snapshots are looked at: no check can finish with one of them until the commit, and then it finds that it has vanished.
    /// </summary>
    public static Statement LockWakeup { get; } = new(
        postgres: "SELECT tip_sha, tip_config FROM wakeups WHERE source_id = @id FOR UPDATE",
        sqlite: "SELECT tip_sha, tip_config FROM wakeups WHERE source_id = @id");

    /// <summary>Removes what is not among the newest that are visible, nor the current one, and what was left staged. Their manifests' pieces belong to nothing then.</summary>
    public static Statement RemoveSnapshots { get; } = new($"""
        DELETE FROM snapshots WHERE source_id = @id AND manifest_id IN (
            SELECT s.manifest_id FROM snapshots AS s
            WHERE s.source_id = @id AND ({Left} OR (s.visible
                AND NOT EXISTS (SELECT 1 FROM wakeups AS w WHERE w.source_id = @id AND w.tip_sha = s.sha AND w.tip_config = s.config)
                AND s.manifest_id NOT IN (
                    SELECT n.manifest_id FROM snapshots AS n WHERE n.source_id = @id AND n.visible ORDER BY n.stored_at DESC, n.sha DESC LIMIT @keep)))
            ORDER BY s.stored_at LIMIT @limit)
        """);

    /// <summary>All manifests of a source, staged ones too.</summary>
    public static Statement Manifests { get; } = new("SELECT manifest_id FROM snapshots WHERE source_id = @id");

    /// <summary>Blobs that nobody has used for a while, in the order of their ids.</summary>
    public static Statement OldBlobs { get; } = new(
        "SELECT object_id FROM blobs WHERE source_id = @id AND object_id > @after AND stored_at < @before ORDER BY object_id LIMIT @limit");

    /// <summary>Removes blobs, unless a check has marked one as used since it was looked at: the row says so once its lock is had.</summary>
    public static Statement RemoveBlobs { get; } = new(
        postgres: "DELETE FROM blobs WHERE source_id = @id AND object_id = ANY(@ids) AND stored_at < @before",
        sqlite: "DELETE FROM blobs WHERE source_id = @id AND object_id IN (SELECT value FROM json_each(@ids)) AND stored_at < @before");

    /// <summary>Contents that belong to no blob and no manifest and were begun before a time, which their ids begin with; and how many pieces each has.</summary>
    public static Statement LooseContents { get; } = new($"""
        SELECT c.content_id, count(*) FROM blob_chunks AS c
        WHERE c.source_id = @id AND c.content_id < @before_id AND {BelongsToNothing("c.")}
        GROUP BY c.content_id ORDER BY c.content_id
        """);

    /// <summary>Whoever adds a blob whose pieces are committed before it shares the lock, and whoever removes pieces has it alone.</summary>
    public static Statement SharePiecesLock { get; } = new(postgres: $"SELECT pg_advisory_xact_lock_shared{PiecesLock}::text", sqlite: "SELECT @id");

    /// <summary>The other side of <see cref="SharePiecesLock"/>.</summary>
    public static Statement TakePiecesLock { get; } = new(postgres: $"SELECT pg_advisory_xact_lock{PiecesLock}::text", sqlite: "SELECT @id");

    /// <summary>Removes pieces, from a place on, of contents that still belong to nothing, in a statement after the lock was taken.</summary>
    public static Statement RemovePieces { get; } = new(
        postgres: $"DELETE FROM blob_chunks AS c WHERE c.content_id = ANY(@contents::uuid[]) AND c.place >= @from AND {BelongsToNothing("c.")}",
        sqlite: $"DELETE FROM blob_chunks AS c WHERE c.content_id IN (SELECT value FROM json_each(@contents)) AND c.place >= @from AND {BelongsToNothing("c.")}");

    private static string BelongsToNothing(string chunk) => $"""
        NOT EXISTS (SELECT 1 FROM blobs AS b WHERE b.content_id = {chunk}content_id)
        AND NOT EXISTS (SELECT 1 FROM snapshots AS s WHERE s.manifest_id = {chunk}content_id)
        """;
}
