using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Snapshots;

/// <summary>The compressed content of a blob, read piece by piece: one piece is in memory at a time, and no connection is held between two.</summary>
internal sealed class StoredContent(Database<StoreContext> database, Guid contentId) : Stream
{
    private ReadOnlyMemory<byte> _piece;
    private int _next;
    private bool _ended;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_piece.IsEmpty && !_ended)
            await AdvanceAsync(cancellationToken);
        var read = Math.Min(buffer.Length, _piece.Length);
        _piece[..read].CopyTo(buffer);
        _piece = _piece[read..];
        return read;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read it asynchronously: it comes from a database.");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task AdvanceAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var data = await context.BlobChunks.Where(c => c.ContentId == contentId && c.Place == _next).Select(c => c.Data).SingleOrDefaultAsync(cancellationToken);
        // Whether that was all of it, the blob's size tells the stream around this one.
        _ended = data is null;
        _piece = data;
        _next++;
    }
}
