using System.Buffers;

namespace Ampora.Git.Fetching;

/// <summary>
/// Reads the content of a tree object as it comes, entry by entry: <c>mode SP name NUL id</c>, again and again. So a directory of millions of
/// entries can be given up at the first that is too many, and none is in memory as a whole.
/// </summary>
internal static class DirectoryText
{
    // The type's bits and the permissions take six digits; old repositories write one more zero in front.
    private const int MaxModeBytes = 7;

    private const int BufferBytes = 32 * 1024;

    /// <summary>Takes one entry; the spans are only valid meanwhile.</summary>
    public delegate void Take(ReadOnlySpan<byte> mode, ReadOnlySpan<byte> name, ReadOnlySpan<byte> id);

    /// <summary>Reads a directory to its end.</summary>
    /// <param name="content">The content of the object.</param>
    /// <param name="idBytes">Bytes of an object's id in this repository.</param>
    /// <param name="maxNameBytes">A name may have so many bytes.</param>
    /// <param name="take">Takes each entry; it may throw to end the reading.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GitException">It is no directory, or a name is too long.</exception>
    public static async Task ReadAsync(Stream content, int idBytes, int maxNameBytes, Take take, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes + MaxModeBytes + 2 + maxNameBytes + idBytes);
        try
        {
            var length = 0;
            while (await content.ReadAsync(buffer.AsMemory(length), cancellationToken) is > 0 and var count)
            {
                length += count;
                var rest = TakeAll(buffer.AsSpan(0, length), idBytes, maxNameBytes, take);
                buffer.AsSpan(length - rest, rest).CopyTo(buffer);
                length = rest;
            }

            if (length > 0)
                throw Unreadable();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Takes the entries that are there whole; returns how many bytes are left over.
    private static int TakeAll(ReadOnlySpan<byte> rest, int idBytes, int maxNameBytes, Take take)
    {
        while (true)
        {
            var space = rest.IndexOf((byte)' ');
            if (space is 0 or > MaxModeBytes || (space < 0 && rest.Length > MaxModeBytes))
                throw Unreadable();
            if (space < 0)
                return rest.Length;
            var name = rest[(space + 1)..];
            var zero = name.IndexOf((byte)0);
            if (zero > maxNameBytes || (zero < 0 && name.Length > maxNameBytes))
                throw TreeWalk.PathTooLong(maxNameBytes);
            if (zero < 0 || name.Length < zero + 1 + idBytes)
                return rest.Length;
            // git's own check refuses these, too; here they would pass for another path than they are.
            if (zero == 0 || name[..zero].Contains((byte)'/'))
                throw Unreadable();
            take(rest[..space], name[..zero], name.Slice(zero + 1, idBytes));
            rest = name[(zero + 1 + idBytes)..];
        }
    }

    private static GitException Unreadable() =>
        new("fetch_failed", "A directory of the repository cannot be read.", "Check the repository with `git fsck`.");
}
