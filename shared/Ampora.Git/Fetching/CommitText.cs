using System.Globalization;
using System.Text;
using Ampora.Git.Protocol;

namespace Ampora.Git.Fetching;

/// <summary>A commit object, read.</summary>
/// <param name="TreeId">The root directory.</param>
/// <param name="Parents">In order.</param>
/// <param name="Author">As <c>Name &lt;mail&gt;</c>.</param>
/// <param name="CommittedAt">The committer's time, UTC.</param>
/// <param name="Subject">The first line of the message.</param>
/// <param name="Signature">The first line of the signature, which says of what kind it is; null when there is none.</param>
internal sealed record CommitText(
    string TreeId, IReadOnlyList<string> Parents, string Author, DateTimeOffset CommittedAt, string Subject, string? Signature)
{
    // A line in a list; the whole message is in the repository.
    private const int MaxLine = 200;

    // An octopus has a dozen parents; each is a row for somebody.
    private const int MaxParents = 256;

    /// <summary>Reads the content of a commit object.</summary>
    public static CommitText Parse(byte[] content)
    {
        string? tree = null, author = null, committer = null, encodingName = null, signature = null;
        var parents = new List<string>();
        var rest = content.AsSpan();
        while (rest.Length > 0)
        {
            var end = rest.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(end + 1)..];
            if (line.Length == 0)
                break;
            // A header's further lines begin with a space; headers of this name inside them are not headers.
            var space = line.IndexOf((byte)' ');
            if (space <= 0)
                continue;
            var value = Encoding.Latin1.GetString(line[(space + 1)..]);
            switch (Encoding.Latin1.GetString(line[..space]))
            {
                case "tree": tree ??= value; break;
                case "parent" when parents.Count < MaxParents: parents.Add(value); break;
                case "author": author ??= value; break;
                case "committer": committer ??= value; break;
                case "encoding": encodingName ??= value; break;
                // Each hash has a header of its own; a signature for the other one is none for this commit.
                case "gpgsig" when tree?.Length == ObjectId.Sha1Digits: signature ??= value; break;
                case "gpgsig-sha256" when tree?.Length == ObjectId.Sha256Digits: signature ??= value; break;
            }
        }

        if (tree is null || !ObjectId.IsValid(tree) || !parents.TrueForAll(parent => ObjectId.IsValid(parent)))
            throw new GitException("fetch_failed", "The commit names no valid tree and parents.", "Check the repository with `git fsck`.");
        var message = rest.TrimStart("\n\r"u8);
        var lineEnd = message.IndexOf((byte)'\n');
        return new CommitText(
            tree,
            parents,
            Readable.Line(Decode(Encoding.Latin1.GetBytes(Person(author ?? "")), encodingName), MaxLine),
            Time(committer ?? ""),
            Readable.Line(Decode((lineEnd < 0 ? message : message[..lineEnd]).ToArray(), encodingName), MaxLine),
            signature);
    }

    // "Name <mail> 1700000000 +0100"
    private static string Person(string line)
    {
        var end = line.LastIndexOf('>');
        return end < 0 ? line : line[..(end + 1)];
    }

    private static DateTimeOffset Time(string line)
    {
        var seconds = line[(line.LastIndexOf('>') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(value, 0, DateTimeOffset.MaxValue.ToUnixTimeSeconds()))
            : DateTimeOffset.UnixEpoch;
    }

    // Git says UTF-8 unless the commit says otherwise; old ones say nothing and mean Latin-1.
    private static string Decode(byte[] bytes, string? encodingName)
    {
        if (encodingName is null || encodingName.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
            }
            catch (DecoderFallbackException)
            {
                return Encoding.Latin1.GetString(bytes);
            }
        }

        try
        {
            return Encoding.GetEncoding(encodingName).GetString(bytes);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }
}
