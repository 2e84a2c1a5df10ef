using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>What a packet line is.</summary>
internal enum PacketKind
{
    /// <summary>A line with data.</summary>
    Data,

    /// <summary><c>0000</c>: the end of a message.</summary>
    Flush,

    /// <summary><c>0001</c>: the end of a section.</summary>
    Delimiter,

    /// <summary><c>0002</c>: the end of a response.</summary>
    ResponseEnd,

    /// <summary>The stream ended between two packets.</summary>
    End,
}

/// <summary>
/// Reads packet lines (gitprotocol-common) from a server that may be hostile: bounded in total, and each line in its size. What it
/// returns is valid until the next read.
/// </summary>
internal sealed class PacketReader(Stream stream, long maxBytes) : IAsyncDisposable
{
    // The protocol's own limit for a line, its length included.
    private const int MaxPacket = 65_520;

    // A tip's whole answer fits; only a longer line makes it grow.
    private const int FirstBuffer = 4096;

    // Read ahead by this much where there is much to read.
    private const int LongBuffer = MaxPacket + 4;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _start;
    private int _end;
    private bool _disposed;

    /// <summary>Bytes read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>The data of the last line, without its line feed.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    /// <summary>The last line as text, each char one byte.</summary>
    public string Text => Encoding.Latin1.GetString(Line.Span);

    /// <summary>Reads the next packet.</summary>
    /// <exception cref="GitException">The server sent something else.</exception>
    public async ValueTask<PacketKind> ReadAsync(CancellationToken cancellationToken)
    {
        Line = default;
        if (!await FillAsync(4, cancellationToken))
            return _end == _start ? PacketKind.End : throw Truncated();
        if (!ushort.TryParse(_buffer.AsSpan(_start, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var length))
            throw Broken("a line whose length is not four hexadecimal digits");
        _start += 4;
        switch (length)
        {
            case 0: return PacketKind.Flush;
            case 1: return PacketKind.Delimiter;
            case 2: return PacketKind.ResponseEnd;
            case 3: throw Broken("a line of the impossible length 3");
            case > MaxPacket: throw Broken($"a line longer than {MaxPacket} bytes");
        }

        if (!await FillAsync(length - 4, cancellationToken))
            throw Truncated();
        Line = _buffer.AsMemory(_start, length - 4);
        _start += length - 4;
        if (Line.Length > 0 && Line.Span[^1] == '\n')
            Line = Line[..^1];
        if (Line.Span.StartsWith("ERR "u8))
        {
            throw new GitException(
                "host_error", $"The Git host answered with an error: {Readable.Line(Line.Span[4..])}", "Look what the host says; it may want another URL or a credential.");
        }

        return PacketKind.Data;
    }

    /// <summary>Writes the v0 list of refs whose first line, if any, has just been read, as the server sent it.</summary>
    public async Task CopyAdvertisementAsync(Stream target, CancellationToken cancellationToken)
    {
        await target.WriteAsync("001e# service=git-upload-pack\n0000"u8.ToArray(), cancellationToken);
        if (Line.IsEmpty)
        {
            await target.WriteAsync("0000"u8.ToArray(), cancellationToken);
            return;
        }

        await target.WriteAsync(Encoding.ASCII.GetBytes((Line.Length + 5).ToString("x4", CultureInfo.InvariantCulture)), cancellationToken);
        await target.WriteAsync(Line, cancellationToken);
        await target.WriteAsync("\n"u8.ToArray(), cancellationToken);
        do
        {
            await target.WriteAsync(_buffer.AsMemory(_start, _end - _start), cancellationToken);
            _start = _end;
        }
        while (await FillAsync(1, cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        Line = default;
        // The stream first: what still reads into the buffer has ended then.
        await stream.DisposeAsync();
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    internal static GitException Broken(string what) => new(
        "protocol_error",
        $"The Git host's answer is not the Git protocol: it sent {what}.",
        "Check that the URL is that of a repository, as `git clone` takes it, and that nothing between changes the answer.");

    private static GitException Truncated() => Broken("an answer that ends in the middle");

    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellationToken)
    {
        if (_end - _start >= count)
            return true;
        MakeRoom(count);
        while (_end < count)
        {
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0)
                return false;
            _end += read;
            BytesRead += read;
            if (BytesRead > maxBytes)
            {
                throw new GitException(
                    "limit_exceeded",
                    $"The Git host's list of refs is longer than {maxBytes} bytes.",
                    "Check that the URL is right; if the repository really has so many refs, raise Ampora__Git__RefListBytes.");
            }
        }

        return true;
    }

    // What is left of the last read goes to the front; a list that is longer than the first buffer is read in large pieces.
    private void MakeRoom(int count)
    {
        var isShort = _buffer.Length < LongBuffer && (count > _buffer.Length || BytesRead > _buffer.Length);
        var target = isShort ? ArrayPool<byte>.Shared.Rent(LongBuffer) : _buffer;
        _buffer.AsSpan(_start, _end - _start).CopyTo(target);
        if (!ReferenceEquals(target, _buffer))
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _end -= _start;
        _start = 0;
    }
}
