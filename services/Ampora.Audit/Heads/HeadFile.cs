using System.Globalization;
using System.Text;
using Ampora.Audit.Chain;

namespace Ampora.Audit.Heads;

/// <summary>A head that was exported.</summary>
/// <param name="AuditId">The entry that was the last.</param>
/// <param name="Hash">Its hash.</param>
internal readonly record struct ExportedHead(long AuditId, byte[] Hash);

/// <summary>
/// The file of exported heads: a line <c>time id hash</c> for each, appended and flushed to the disk, never changed. Replicas on one machine may share it.
/// A new file begins whenever there is none, so it can be moved aside.
/// </summary>
internal sealed class HeadFile(string path)
{
    // A line is some 110 bytes. Sixteen years of hours, or a hundred days of minutes; more would be read whole at each check of the chain.
    private const int MaxBytes = 16 * 1024 * 1024;

    private const int MaxLine = 200;

    // Another replica holds the file for a few milliseconds.
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Where it is.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Whether it can be appended to; makes it when it is missing.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Check()
    {
        try
        {
            using var file = OpenOnce(FileAccess.ReadWrite);
            return null;
        }
        catch (IOException) when (File.Exists(Path))
        {
            // Another replica has it at this moment.
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return e is UnauthorizedAccessException ? "permission denied, or it is a folder" : e.Message;
        }
    }

    /// <summary>Appends a head, unless it is the one on the last line.</summary>
    /// <param name="time">When it was exported.</param>
    /// <param name="head">The head.</param>
    /// <param name="cancellationToken">Ends the wait for another replica.</param>
    /// <exception cref="IOException">It cannot be written, or it is full.</exception>
    public async Task AppendAsync(DateTimeOffset time, ExportedHead head, CancellationToken cancellationToken)
    {
        await using var file = await OpenAsync(FileAccess.ReadWrite, cancellationToken);
        if (file.Length > MaxBytes - MaxLine)
            throw new IOException($"{Path} is full at {MaxBytes >> 20} MiB: move it to where heads are kept, and a new one begins");
        var tail = await ReadTailAsync(file, cancellationToken);
        var lastLine = tail.TrimEnd('\n').Split('\n')[^1];
        if (TryRead(lastLine) is { } last && last.AuditId == head.AuditId && last.Hash.AsSpan().SequenceEqual(head.Hash))
            return;
        // What a crash left of a line ends here.
        var line = $"{(tail.Length > 0 && tail[^1] != '\n' ? "\n" : "")}{time.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {head.AuditId} {Convert.ToHexStringLower(head.Hash)}\n";
        file.Seek(0, SeekOrigin.End);
        await file.WriteAsync(Encoding.ASCII.GetBytes(line), cancellationToken);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Reads every head, in the order of their ids.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The heads, and how many lines could not be read.</returns>
    public async Task<(IReadOnlyList<ExportedHead> Heads, int Unreadable)> ReadAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Path))
            return ([], 0);
        await using var file = await OpenAsync(FileAccess.Read, cancellationToken);
        if (file.Length > MaxBytes)
            throw new IOException($"{Path} has more than {MaxBytes >> 20} MiB and was not written by Ampora alone");
        using var reader = new StreamReader(file, Encoding.ASCII);
        var heads = new List<ExportedHead>();
        var unreadable = 0;
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (TryRead(line) is { } head)
                heads.Add(head);
            else
                unreadable++;
        }

        return ([.. heads.OrderBy(h => h.AuditId)], unreadable);
    }

    private static ExportedHead? TryRead(string line)
    {
        if (line.Length > MaxLine || line.Split(' ') is not [_, var id, { Length: 2 * EntryHash.Size } hash])
            return null;
        if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var auditId))
            return null;
        var bytes = new byte[EntryHash.Size];
        return Convert.FromHexString(hash, bytes, out _, out _) == System.Buffers.OperationStatus.Done ? new ExportedHead(auditId, bytes) : null;
    }

    private static async Task<string> ReadTailAsync(FileStream file, CancellationToken cancellationToken)
    {
        var tail = new byte[Math.Min(file.Length, 2 * MaxLine)];
        file.Seek(-tail.Length, SeekOrigin.End);
        await file.ReadExactlyAsync(tail, cancellationToken);
        return Encoding.ASCII.GetString(tail);
    }

    private async Task<FileStream> OpenAsync(FileAccess access, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return OpenOnce(access);
            }
            catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException) && TimeProvider.System.GetElapsedTime(started) < LockPatience)
            {
                await Task.Delay(LockPause, cancellationToken);
            }
        }
    }

    private FileStream OpenOnce(FileAccess access)
    {
        var options = new FileStreamOptions { Mode = access == FileAccess.Read ? FileMode.Open : FileMode.OpenOrCreate, Access = access, Share = access == FileAccess.Read ? FileShare.Read : FileShare.None };
        if (access != FileAccess.Read && !OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        return new FileStream(Path, options);
    }
}
