using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Git.Fetching;

/// <summary>The cache lacks an object, or holds another one under its name: it has to be made anew.</summary>
internal sealed class CacheBrokenException(string message) : Exception(message);

/// <summary>What an object is.</summary>
internal readonly record struct ObjectHeader(string Id, string Type, long Size);

/// <summary>
/// Reads objects through one <c>git cat-file --batch-command</c>. Asked objects are read in the order asked, each to its end, by one reader
/// at a time.
/// </summary>
internal sealed class ObjectReader(ChildProcess git) : IAsyncDisposable
{
    // git takes in all requests before it answers, so this bounds its memory, not a deadlock.
    public const int MaxRequests = 4096;

    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public static ObjectReader Start(string repository, long memoryBytes) => new(GitProcess.Start(
        repository, ["cat-file", "--batch-command", "--buffer"], [], memoryBytes));

    public int ProcessId => git.Id;

    /// <summary>Asks for the headers of objects (<c>info</c>) or for whole objects (<c>contents</c>); at most <see cref="MaxRequests"/>.</summary>
    public async Task AskAsync(string command, IEnumerable<string> objectIds, CancellationToken cancellationToken)
    {
        var request = new StringBuilder();
        foreach (var id in objectIds)
            request.Append(command).Append(' ').Append(id).Append('\n');
        request.Append("flush\n");
        try
        {
            await git.Input.WriteAsync(Encoding.ASCII.GetBytes(request.ToString()), cancellationToken);
            await git.Input.FlushAsync(cancellationToken);
        }
        catch (IOException)
        {
            throw await EndedAsync(cancellationToken);
        }
    }

    /// <summary>Reads the next header; null when the object is missing.</summary>
    public async Task<ObjectHeader?> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n')) < 0)
        {
            if (!await FillAsync(cancellationToken))
                throw await EndedAsync(cancellationToken);
        }

        var words = Encoding.ASCII.GetString(_buffer, _start, length).Split(' ');
        _start += length + 1;
        if (words is [_, "missing"])
            return null;
        return words.Length == 3 && long.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? new ObjectHeader(words[0], words[1], size)
            : throw new CacheBrokenException($"git cat-file answered {string.Join(' ', words)}");
    }

    /// <summary>The content of the object whose header was just read. When it has been read to its end, it is what its id says.</summary>
    public ObjectContent OpenContent(ObjectHeader header) => new(this, header);

    /// <summary>Reads a whole object whose header was just read, checked against its id.</summary>
    public async Task<byte[]> ReadObjectAsync(ObjectHeader header, string type, long maxBytes, CancellationToken cancellationToken)
    {
        if (header.Type != type)
            throw new GitException("fetch_failed", $"The object {header.Id} is a {header.Type}, not a {type}.", "Check the repository with `git fsck`.");
        if (header.Size > maxBytes)
        {
            throw new GitException(
                "limit_exceeded", $"The {type} {header.Id} has {header.Size} bytes; at most {maxBytes} are read.", "Take the repository apart; no real one needs that much.");
        }

        var content = new byte[header.Size];
        await using var stream = OpenContent(header);
        await stream.ReadExactlyAsync(content, cancellationToken);
        await stream.FinishAsync(cancellationToken);
        return content;
    }

    /// <summary>Reads the content's bytes, and the line feed after the last.</summary>
    internal async ValueTask<int> ReadContentAsync(Memory<byte> into, CancellationToken cancellationToken)
    {
        if (_start == _end && !await FillAsync(cancellationToken))
            throw await EndedAsync(cancellationToken);
        var count = Math.Min(into.Length, _end - _start);
        _buffer.AsMemory(_start, count).CopyTo(into);
        _start += count;
        return count;
    }

    public async ValueTask DisposeAsync() => await git.DisposeAsync();

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length)
            throw new CacheBrokenException("git cat-file answered a line without an end.");
        var count = await git.Output.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += count;
        return count > 0;
    }

    private async Task<Exception> EndedAsync(CancellationToken cancellationToken)
    {
        git.Input.Close();
        var (exitCode, errors) = await git.EndAsync(cancellationToken);
        if (errors.Contains("unknown option", StringComparison.Ordinal))
            return GitErrors.TooOld();
        return errors.Contains("over limit", StringComparison.Ordinal)
            ? GitErrors.TooLarge(errors)
            : new CacheBrokenException($"git cat-file ended with {exitCode}: {errors}");
    }
}

/// <summary>The content of one object, read once from its start, and hashed meanwhile.</summary>
internal sealed class ObjectContent : Stream
{
    private readonly ObjectReader _reader;
    private readonly ObjectHeader _header;
    private readonly IncrementalHash _hash;
    private long _left;
    private bool _finished;

    public ObjectContent(ObjectReader reader, ObjectHeader header)
    {
        _reader = reader;
        _header = header;
        _left = header.Size;
        _hash = IncrementalHash.CreateHash(header.Id.Length == ObjectId.Sha256Digits ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        _hash.AppendData(Encoding.ASCII.GetBytes($"{header.Type} {header.Size.ToString(CultureInfo.InvariantCulture)}\0"));
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _header.Size;

    public override long Position
    {
        get => _header.Size - _left;
        set => throw new NotSupportedException();
    }

    /// <summary>Whether all of it was read, and found to be what its id says.</summary>
    public bool IsFinished => _finished;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0)
        {
            await FinishAsync(cancellationToken);
            return 0;
        }

        if (buffer.Length == 0)
            return 0;
        var count = await _reader.ReadContentAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _hash.AppendData(buffer.Span[..count]);
        _left -= count;
        if (_left == 0)
            await FinishAsync(cancellationToken);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Reads the end after the last byte, and compares the hash.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        if (_finished)
            return;
        var lineFeed = new byte[1];
        await _reader.ReadContentAsync(lineFeed, cancellationToken);
        _finished = true;
        if (lineFeed[0] != '\n' || !_hash.GetHashAndReset().AsSpan().SequenceEqual(Convert.FromHexString(_header.Id)))
            throw new CacheBrokenException($"The {_header.Type} {_header.Id} is not what its id says.");
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read it asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _hash.Dispose();
        base.Dispose(disposing);
    }
}
