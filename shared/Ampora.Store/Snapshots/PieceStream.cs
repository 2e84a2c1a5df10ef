namespace Ampora.Store.Snapshots;

/// <summary>Cuts what is written into pieces of at most <see cref="PieceBytes"/>.</summary>
/// <param name="take">Takes each piece with its place, from 0.</param>
internal sealed class PieceStream(Action<(int Place, byte[] Data)> take) : Stream
{
    /// <summary>No value in either database is larger than this.</summary>
    public const int PieceBytes = 1024 * 1024;

    private readonly MemoryStream _piece = new();
    private int _place;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Gives out what is left.</summary>
    public void Complete()
    {
        if (_piece.Length == 0)
            return;
        take((_place++, _piece.ToArray()));
        _piece.SetLength(0);
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var fits = (int)Math.Min(buffer.Length, PieceBytes - _piece.Length);
            _piece.Write(buffer[..fits]);
            buffer = buffer[fits..];
            if (_piece.Length == PieceBytes)
                Complete();
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _piece.Dispose();
        base.Dispose(disposing);
    }
}
