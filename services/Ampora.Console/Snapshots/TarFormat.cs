using System.Globalization;
using System.Text;

namespace Ampora.Console.Snapshots;

/// <summary>
/// The records of a tar archive (POSIX ustar with pax headers, IEEE 1003.1) exactly as <c>git archive</c> writes them. The framework's writer takes names as
/// text, while Git's are bytes of no encoding, and puts its process id into the archive, which would never be the same twice.
/// </summary>
internal static class TarFormat
{
    /// <summary>Everything in an archive comes in records of this size.</summary>
    public const int RecordBytes = 512;

    /// <summary>An archive ends with a whole block of records, as tape drives wanted it.</summary>
    public const int BlockBytes = 20 * RecordBytes;

    private const int NameBytes = 100;
    private const int PrefixBytes = 155;

    // Eleven octal digits; what is larger goes into a pax header.
    private const long MaxNumber = 0x1_ffff_ffff;

    // In octal 777, 666 and 002: whose files they become is the business of whoever unpacks them.
    private const int AllRights = 0x1ff;
    private const int ReadableByAll = 0x1b6;
    private const int Umask = 0x2;

    /// <summary>The record that names the commit, as <c>git get-tar-commit-id</c> reads it.</summary>
    public static byte[] GlobalHeader(string sha, long mtime)
    {
        var attributes = Attribute("comment", sha);
        if (mtime > MaxNumber)
            attributes += Attribute("mtime", mtime.ToString(CultureInfo.InvariantCulture));
        return [.. Header('g', "pax_global_header", "", ReadableByAll, attributes.Length, mtime, ""), .. Padded(attributes)];
    }

    /// <summary>The records in front of an entry's content.</summary>
    /// <param name="type"><c>0</c> for a file, <c>2</c> for a symbolic link, <c>5</c> for a directory.</param>
    /// <param name="path">The path, one char for each byte; a directory's ends with a slash.</param>
    /// <param name="mode">The mode as in the tree.</param>
    /// <param name="objectId">Git's object id.</param>
    /// <param name="size">Bytes of a file; 0 for all else.</param>
    /// <param name="mtime">Seconds since 1970.</param>
    /// <param name="target">Where a symbolic link points, one char for each byte.</param>
    public static byte[] Entry(char type, string path, string mode, string objectId, long size, long mtime, string target)
    {
        var (name, prefix, attributes) = (path, "", "");
        if (path.Length > NameBytes)
        {
            var cut = PrefixLength(path);
            if (cut > 0 && path.Length - cut - 1 <= NameBytes)
                (prefix, name) = (path[..cut], path[(cut + 1)..]);
            else
                (name, attributes) = ($"{objectId}.data", Attribute("path", path));
        }

        if (target.Length > NameBytes)
            (target, attributes) = ($"see {objectId}.paxheader", attributes + Attribute("linkpath", target));
        var shown = size;
        if (size > MaxNumber)
            (shown, attributes) = (0, attributes + Attribute("size", size.ToString(CultureInfo.InvariantCulture)));
        var permissions = type switch
        {
            '5' => AllRights & ~Umask,
            '2' => AllRights,
            _ => Permissions(mode),
        };
        var header = Header(type, name, prefix, permissions, shown, mtime, target);
        return attributes.Length == 0
            ? header
            : [.. Header('x', $"{objectId}.paxheader", "", ReadableByAll, attributes.Length, mtime, ""), .. Padded(attributes), .. header];
    }

    // Owner, group and others may read; who may execute follows from the one bit that Git keeps.
    private static int Permissions(string mode)
    {
        var bits = Convert.ToInt32(mode, 8);
        return (bits | ((bits & 0x40) != 0 ? AllRights : ReadableByAll)) & ~Umask & 0xfff;
    }

    private static byte[] Header(char type, string name, string prefix, int permissions, long size, long mtime, string target)
    {
        var record = new byte[RecordBytes];
        Put(0, name);
        Put(100, Octal(permissions, 7));
        Put(108, Octal(0, 7));
        Put(116, Octal(0, 7));
        Put(124, Octal(size, 11));
        Put(136, Octal(Math.Clamp(mtime, 0, MaxNumber), 11));
        record[156] = (byte)type;
        Put(157, target);
        Put(257, "ustar");
        Put(263, "00");
        Put(265, "root");
        Put(297, "root");
        Put(329, Octal(0, 7));
        Put(337, Octal(0, 7));
        Put(345, prefix);
        // The sum is taken with spaces where it goes.
        Put(148, Octal(record.Sum(b => b) + (8 * ' '), 7));
        return record;

        void Put(int place, string text) => Encoding.Latin1.GetBytes(text, record.AsSpan(place));
    }

    private static string Octal(long number, int digits) => Convert.ToString(number, 8).PadLeft(digits, '0');

    // The longest beginning that fits and ends before a slash.
    private static int PrefixLength(string path)
    {
        var at = Math.Min(path.EndsWith('/') ? path.Length - 1 : path.Length, PrefixBytes);
        do
            at--;
        while (at > 0 && path[at] != '/');
        return at;
    }

    // "LENGTH NAME=VALUE\n", where the length counts itself.
    private static string Attribute(string name, string value)
    {
        var rest = name.Length + value.Length + 3;
        var length = rest;
        while (rest + Digits(length) is var longer && longer != length)
            length = longer;
        return string.Create(CultureInfo.InvariantCulture, $"{length} {name}={value}\n");
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static byte[] Padded(string text)
    {
        var records = new byte[(text.Length + RecordBytes - 1) / RecordBytes * RecordBytes];
        Encoding.Latin1.GetBytes(text, records);
        return records;
    }
}
