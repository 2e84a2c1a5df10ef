using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>
/// Lists of refs: the request of protocol v2, its answer, and the list that a server without v2 begins with (gitprotocol-v2, gitprotocol-pack). Whatever
/// carries the bytes.
/// </summary>
internal static class RefList
{
    // Refs that begin like the wanted one, after it: reading this much costs less than a new connection.
    private const int MaxRest = 128 * 1024;

    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdef"u8);

    /// <summary>The request for all refs that a query may want.</summary>
    public static byte[] Request(Capabilities server, IReadOnlyList<byte[]> prefixes)
    {
        var request = new ArrayBufferWriter<byte>(256);
        Append(request, "command=ls-refs\n"u8);
        if (server.SendsObjectFormat)
            Append(request, server.ObjectIdDigits == ObjectId.Sha256Digits ? "object-format=sha256\n"u8 : "object-format=sha1\n"u8);
        request.Write("0001"u8);
        Append(request, "peel\n"u8);
        Append(request, "symrefs\n"u8);
        if (server.TellsUnborn)
            Append(request, "unborn\n"u8);
        foreach (var prefix in prefixes)
            Append(request, "ref-prefix "u8, prefix, "\n"u8);
        request.Write("0000"u8);
        return request.WrittenSpan.ToArray();
    }

    /// <summary>Reads the answer to <see cref="Request"/>.</summary>
    /// <param name="reader">At the answer's begin.</param>
    /// <param name="server">What was said at discovery.</param>
    /// <param name="query">What is looked for; it is told every ref.</param>
    /// <param name="limits">How many refs there may be.</param>
    /// <param name="stopsAtFirst">Whether any ref is enough.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was read to its end: then the connection can be used again.</returns>
    public static async ValueTask<bool> ReadAsync(
        PacketReader reader, Capabilities server, RefQuery query, GitLimits limits, bool stopsAtFirst, CancellationToken cancellationToken)
    {
        for (var count = 1; await reader.ReadAsync(cancellationToken) is var kind && kind != PacketKind.Flush; count++)
        {
            if (kind != PacketKind.Data)
                throw PacketReader.Broken("a list of refs without an end");
            Count(count, limits);
            // What is left is read, so that the connection can be used again, unless there is much of it.
            if (query.IsSettled && (stopsAtFirst || reader.BytesRead > MaxRest))
                return false;
            Offer(reader.Line.Span, server.ObjectIdDigits, query);
            if (stopsAtFirst && query.SawAny)
                return false;
        }

        return true;
    }

    /// <summary>Reads the list of a server without v2, up to where nothing can follow that matters.</summary>
    /// <param name="reader">At the first ref, whose line also carries the capabilities and has been read; the line is empty if there is none.</param>
    /// <param name="query">What is looked for; it is told every ref.</param>
    /// <param name="limits">How many refs there may be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask ReadAdvertisementAsync(PacketReader reader, RefQuery query, GitLimits limits, CancellationToken cancellationToken)
    {
        if (reader.Line.IsEmpty)
            return;
        if (reader.Line.Span.SequenceEqual("version 1"u8) && await reader.ReadAsync(cancellationToken) != PacketKind.Data)
            throw PacketReader.Broken("an empty answer");
        var zero = reader.Line.Span.IndexOf((byte)0);
        if (zero < 0)
            throw PacketReader.Broken("something else than a list of refs");
        var capabilities = Encoding.UTF8.GetString(reader.Line.Span[(zero + 1)..]).Split(' ');
        var digits = capabilities.Contains("object-format=sha256") ? ObjectId.Sha256Digits : ObjectId.Sha1Digits;
        query.ServesAnyCommit = capabilities.Contains("allow-reachable-sha1-in-want") || capabilities.Contains("allow-any-sha1-in-want");
        var head = capabilities.FirstOrDefault(c => c.StartsWith("symref=HEAD:", StringComparison.Ordinal))?["symref=HEAD:".Length..];
        var pending = new PendingRef(digits, head is null ? [] : Encoding.UTF8.GetBytes(head));
        if (head is not null)
            query.NoteDefaultBranch(Encoding.UTF8.GetBytes(head));
        pending.Take(reader.Line.Span[..zero], query);
        for (var count = 1; !query.IsSettled; count++)
        {
            var kind = await reader.ReadAsync(cancellationToken);
            if (kind == PacketKind.Flush)
                break;
            if (kind != PacketKind.Data)
                throw PacketReader.Broken("a list of refs without an end");
            Count(count, limits);
            if (!reader.Line.Span.StartsWith("shallow "u8))
                pending.Take(reader.Line.Span, query);
        }

        pending.Offer(query);
    }

    private static void Count(int count, GitLimits limits)
    {
        if (count > limits.Refs)
        {
            throw new GitException(
                "limit_exceeded",
                $"The repository has more than {limits.Refs} refs.",
                "Check that the URL is right; if the repository really has so many refs, name the ref in full (refs/heads/…) so that the host lists that one alone, or raise Ampora__Git__Refs.");
        }
    }

    // "id SP name" and attributes, each after a space; "unborn HEAD symref-target:…" tells of a HEAD without commits.
    private static void Offer(ReadOnlySpan<byte> line, int digits, RefQuery query)
    {
        if (line.StartsWith("unborn "u8))
        {
            if (line.StartsWith("unborn HEAD symref-target:"u8))
                query.NoteDefaultBranch(line["unborn HEAD symref-target:".Length..]);
            return;
        }

        var id = Id(line, digits);
        var rest = line[(digits + 1)..];
        ReadOnlySpan<byte> name = [], peeled = [], target = [];
        foreach (var range in rest.Split((byte)' '))
        {
            var word = rest[range];
            if (range.Start.Value == 0)
                name = word;
            else if (word.StartsWith("peeled:"u8))
                peeled = PeeledId(word["peeled:".Length..], digits);
            else if (word.StartsWith("symref-target:"u8))
                target = word["symref-target:".Length..];
        }

        query.Offer(new ListedRef { Id = id, Name = name, Peeled = peeled, Target = target });
    }

    private static ReadOnlySpan<byte> Id(ReadOnlySpan<byte> line, int digits) =>
        line.Length >= digits + 2 && line[digits] == ' ' && IsId(line[..digits], digits)
            ? line[..digits]
            : throw PacketReader.Broken("a ref without a valid object id");

    private static ReadOnlySpan<byte> PeeledId(ReadOnlySpan<byte> id, int digits) =>
        IsId(id, digits) ? id : throw PacketReader.Broken("a tag that is peeled to no valid object id");

    private static bool IsId(ReadOnlySpan<byte> text, int digits) => text.Length == digits && !text.ContainsAnyExcept(Digits);

    private static void Append(ArrayBufferWriter<byte> request, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default, ReadOnlySpan<byte> third = default)
    {
        var length = first.Length + second.Length + third.Length + 4;
        length.TryFormat(request.GetSpan(4), out _, "x4", CultureInfo.InvariantCulture);
        request.Advance(4);
        request.Write(first);
        request.Write(second);
        request.Write(third);
    }

    // A tag's commit follows in a line of its own ("name^{}"), so each ref waits for the next line. Its bytes are kept, for the reader's are gone by then.
    private sealed class PendingRef(int digits, byte[] head)
    {
        private readonly ArrayBufferWriter<byte> _line = new(256);
        private readonly byte[] _peeled = new byte[digits];
        private bool _isPeeled;

        public void Take(ReadOnlySpan<byte> line, RefQuery query)
        {
            var id = Id(line, digits);
            var name = line[(digits + 1)..];
            if (name.EndsWith("^{}"u8) && !name.SequenceEqual("capabilities^{}"u8))
            {
                if (_line.WrittenCount > 0 && name[..^3].SequenceEqual(_line.WrittenSpan[(digits + 1)..]))
                {
                    id.CopyTo(_peeled);
                    _isPeeled = true;
                }

                return;
            }

            Offer(query);
            _line.Write(line);
        }

        public void Offer(RefQuery query)
        {
            if (_line.WrittenCount > 0)
            {
                var name = _line.WrittenSpan[(digits + 1)..];
                query.Offer(new ListedRef
                {
                    Id = _line.WrittenSpan[..digits],
                    Name = name,
                    Peeled = _isPeeled ? _peeled : [],
                    Target = name.SequenceEqual("HEAD"u8) ? head : [],
                });
            }

            _line.ResetWrittenCount();
            _isPeeled = false;
        }
    }
}
