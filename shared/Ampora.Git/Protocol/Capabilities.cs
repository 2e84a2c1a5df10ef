using System.Globalization;
using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>What a server with protocol v2 says that it can (gitprotocol-v2, capability advertisement).</summary>
/// <param name="ObjectIdDigits">The length of its object ids.</param>
/// <param name="SendsObjectFormat">Whether it wants to be told its object format.</param>
/// <param name="TellsUnborn">Whether it tells where HEAD points although nothing is there.</param>
/// <param name="Filters">Whether it leaves out objects of a fetch.</param>
/// <param name="Advertisement">The whole answer, to be shown to git without asking again.</param>
internal sealed record Capabilities(int ObjectIdDigits, bool SendsObjectFormat, bool TellsUnborn, bool Filters, byte[] Advertisement)
{
    // Capabilities are a dozen lines.
    private const int MaxLines = 256;

    /// <summary>
    /// Reads the head of what a server says first. "# service=git-upload-pack" and a flush come before it with most HTTP servers, by the book before v0 alone.
    /// </summary>
    /// <param name="reader">At the begin.</param>
    /// <param name="mayBeEmpty">Whether the list of refs comes without anything before it, so that nothing at all is the list of an empty repository.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null for a server without v2: then the reader's line is the first ref, and empty if there is none.</returns>
    public static async Task<Capabilities?> ReadAsync(PacketReader reader, bool mayBeEmpty, CancellationToken cancellationToken)
    {
        switch (await reader.ReadAsync(cancellationToken))
        {
            case PacketKind.Data: break;
            case PacketKind.Flush when mayBeEmpty: return null;
            default: throw PacketReader.Broken("an empty answer");
        }

        if (reader.Line.Span.StartsWith("# service="u8))
        {
            if (!reader.Line.Span.SequenceEqual("# service=git-upload-pack"u8) || await reader.ReadAsync(cancellationToken) != PacketKind.Flush)
                throw PacketReader.Broken("an answer for another service");
            switch (await reader.ReadAsync(cancellationToken))
            {
                case PacketKind.Data: break;
                // With v0 an empty repository is an empty list.
                case PacketKind.Flush: return null;
                default: throw PacketReader.Broken("an answer without capabilities");
            }
        }

        return reader.Line.Span.SequenceEqual("version 2"u8) ? await ReadListAsync(reader, cancellationToken) : null;
    }

    private static async Task<Capabilities> ReadListAsync(PacketReader reader, CancellationToken cancellationToken)
    {
        var advertisement = new MemoryStream();
        Append(advertisement, "# service=git-upload-pack"u8);
        advertisement.Write("0000"u8);
        Append(advertisement, reader.Line.Span);
        var (digits, sendsFormat) = (ObjectId.Sha1Digits, false);
        string? lists = null, fetches = null;
        for (var lines = 0; await reader.ReadAsync(cancellationToken) is var kind && kind != PacketKind.Flush; lines++)
        {
            if (kind != PacketKind.Data || lines > MaxLines)
                throw PacketReader.Broken("a list of capabilities that has no end");
            Append(advertisement, reader.Line.Span);
            var text = reader.Text;
            lists = ValueOf("ls-refs", text) ?? lists;
            fetches = ValueOf("fetch", text) ?? fetches;
            if (ValueOf("object-format", text) is not { } format)
                continue;
            sendsFormat = true;
            digits = format switch
            {
                "sha1" => ObjectId.Sha1Digits,
                "sha256" => ObjectId.Sha256Digits,
                _ => throw PacketReader.Broken($"an object format that this version does not know ({Readable.Line(text)})"),
            };
        }

        advertisement.Write("0000"u8);
        return lists is not null && fetches is not null
            ? new Capabilities(digits, sendsFormat, lists.Split(' ').Contains("unborn"), fetches.Split(' ').Contains("filter"), advertisement.ToArray())
            : throw PacketReader.Broken("capabilities without ls-refs and fetch");
    }

    private static string? ValueOf(string name, string line) =>
        line == name ? ""
        : line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] == '=' ? line[(name.Length + 1)..]
        : null;

    private static void Append(MemoryStream stream, ReadOnlySpan<byte> line)
    {
        stream.Write(Encoding.ASCII.GetBytes((line.Length + 5).ToString("x4", CultureInfo.InvariantCulture)));
        stream.Write(line);
        stream.WriteByte((byte)'\n');
    }
}
