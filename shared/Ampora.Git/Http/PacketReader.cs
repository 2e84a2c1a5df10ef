using System.Globalization;
using System.Text;

namespace Ampora.Git.Http;

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

    private readonly byte[] _buffer = new byte[MaxPacket + 4];
    private int _start;
    private int _end;

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

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    internal static GitException Broken(string what) => new(
        "protocol_error",
        $"The Git host's answer is not the Git protocol: it sent {what}.",
        "Check that the URL is that of a repository, as `git clone` takes it, and that nothing between changes the answer.");

    private static GitException Truncated() => Broken("an answer that ends in the middle");

    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellationToken)
    {
        if (_end - _start >= count)
            return true;
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

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
}

/// <summary>Makes what a Git host says fit for a log line and a screen.</summary>
internal static class Readable
{
    private const int MaxLength = 300;

    /// <summary>One line without control characters, cut to a readable length.</summary>
    public static string Line(ReadOnlySpan<byte> bytes) => Line(Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxLength * 4)]));

    /// <summary>One line without control characters, cut to a readable length.</summary>
    public static string Line(string text, int maxLength = MaxLength)
    {
        var line = new StringBuilder(Math.Min(text.Length, maxLength));
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= maxLength)
            {
                line.Append('…');
                break;
            }

            line.Append(IsPrintable(rune) ? rune.ToString() : " ");
        }

        return line.ToString().Trim();
    }

    // Control characters end lines and colour terminals; format characters turn the direction of text and hide parts of it.
    private static bool IsPrintable(Rune rune) => !Rune.IsControl(rune) && Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
