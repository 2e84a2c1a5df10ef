namespace Ampora.Store.Snapshots;

/// <summary>
/// Reads a blob of known size from any position, and fails when it has another size: decompression takes a stream that breaks off between two blocks for a complete
/// one. To seek costs reading what lies before, from the start when it goes back; nothing is read until the first read.
/// </summary>
/// <param name="open">Opens the content at its start.</param>
/// <param name="size">Its bytes.</param>
internal sealed class BlobStream(Func<Stream> open, long size) : Stream
{
    private const int SkipBytes = 80 * 1024;

    private Stream? _content;
    private long _read;
    private long _position;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => size;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set => _position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There is nothing before the start.");
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // At the very end it is looked whether there is more than there should be; beyond it there is nothing to look at.
        if (buffer.Length == 0 || _position > size || (_position == size && _read != size))
            return 0;
        await SkipAsync(cancellationToken);
        var read = await ReadNextAsync(buffer, cancellationToken);
        _position += read;
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
    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _position,
        _ => size,
    };

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_content is not null)
            await _content.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _content?.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask SkipAsync(CancellationToken cancellationToken)
    {
        if (_content is not null && _read > _position)
        {
            await _content.DisposeAsync();
            _content = null;
        }

        if (_content is null)
        {
            _content = open();
            _read = 0;
        }

        if (_read == _position)
            return;
        var skipped = new byte[(int)Math.Min(SkipBytes, _position - _read)];
        while (_read < _position)
            await ReadNextAsync(skipped.AsMemory(0, (int)Math.Min(skipped.Length, _position - _read)), cancellationToken);
    }

    private async ValueTask<int> ReadNextAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await _content!.ReadAsync(buffer, cancellationToken);
        _read += read;
        if (_read > size || (read == 0 && _read < size))
        {
            throw new InvalidDataException(
                $"The stored blob has {size} bytes, but {_read}{(read == 0 ? "" : " or more")} were read: it is damaged, or was removed while it was read.");
        }

        return read;
    }
}
