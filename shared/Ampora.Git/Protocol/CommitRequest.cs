using System.Globalization;
using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>Asks a server with protocol v2 whether it gives out a commit (gitprotocol-v2, fetch): for the commit alone, as far as the server can leave out the rest.</summary>
internal static class CommitRequest
{
    /// <summary>The request.</summary>
    public static byte[] Of(Capabilities server, string commit)
    {
        var request = new StringBuilder();
        Append("command=fetch\n");
        if (server.SendsObjectFormat)
            Append($"object-format={ObjectId.Format(server.ObjectIdDigits)}\n");
        request.Append("0001");
        Append("no-progress\n");
        Append("deepen 1\n");
        if (server.Filters)
            Append("filter tree:0\n");
        Append($"want {commit}\n");
        Append("done\n");
        return Encoding.ASCII.GetBytes(request.Append("0000").ToString());

        void Append(string line) => request.Append((line.Length + 4).ToString("x4", CultureInfo.InvariantCulture)).Append(line);
    }

    /// <summary>Reads the answer's first line: a section of an answer, or that there is no such commit.</summary>
    public static async ValueTask<bool> IsGrantedAsync(PacketReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken) == PacketKind.Data
                && (reader.Line.Span.SequenceEqual("shallow-info"u8) || reader.Line.Span.SequenceEqual("packfile"u8))
                    ? true
                    : throw PacketReader.Broken("an answer without objects");
        }
        catch (GitException e) when (e.Code == "host_error")
        {
            // "ERR upload-pack: not our ref …": whatever the words, it gives nothing.
            return false;
        }
    }
}
