using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Ampora.Git.Http;

namespace Ampora.Git;

/// <summary>
/// Reads tips over smart HTTP, protocol v2 where the server has it and the v0 advertisement where not. Capabilities are cached for each
/// (remote, credential) until a protocol error. Safe for concurrent use.
/// </summary>
public sealed class TipReader
{
    // Refs that begin like the wanted one, after it: reading this much costs less than a new connection.
    private const int MaxRest = 128 * 1024;

    private readonly RepositoryHttp _repository;
    private readonly GitLimits _limits;
    private readonly TimeProvider _time;

    internal TipReader(RepositoryHttp repository, GitLimits limits, TimeProvider time)
    {
        _repository = repository;
        _limits = limits;
        _time = time;
    }

    /// <summary>Reads the tip of a ref.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="refName">The ref as the source names it; see <see cref="GitRef"/>. A short name is a branch before it is a tag.</param>
    /// <param name="cancellationToken">Ends the wait; besides, <see cref="GitLimits.TipDeadline"/> does.</param>
    /// <exception cref="GitException">The tip could not be read.</exception>
    public async Task<Tip> ReadAsync(GitRemote remote, string refName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        if (GitRef.FindProblem(refName) is { } problem)
            throw new GitException("invalid_ref", problem, "Correct the source's ref.");
        using var deadline = new CancellationTokenSource(_limits.TipDeadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await ReadAsync(remote, new WantedRef(refName), either.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new GitException(
                "timeout",
                $"{remote.Url.HostAndPort} did not tell its refs within {_limits.TipDeadline.TotalSeconds:0.###} s.",
                "Look whether the Git host is well; it is asked again later. Ampora__Git__TipDeadline sets how long it may take.");
        }
        catch (Exception e) when (e is not GitException && HostFailure.Of(e, remote) is { } failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw failure;
        }
    }

    private async Task<Tip> ReadAsync(GitRemote remote, WantedRef wanted, CancellationToken cancellationToken)
    {
        if (_repository.Discoveries.Find(remote) is { } known)
        {
            try
            {
                return await ListAsync(remote, known, wanted, cancellationToken);
            }
            catch (Exception e) when (MeansChangedServer(e, remote))
            {
                // The server may have changed its software, its address or its mind: what it said of itself no longer counts.
                _repository.Discoveries.Forget(remote);
            }
        }

        Discovery version2;
        await using (var discovery = await _repository.DiscoverAsync(remote, cancellationToken))
        {
            if (discovery.V2 is null)
                return await ReadAdvertisementAsync(discovery.Reader, wanted, cancellationToken);
            version2 = discovery.V2;
        }

        try
        {
            return await ListAsync(remote, version2, wanted, cancellationToken);
        }
        catch (Exception e) when (MeansChangedServer(e, remote))
        {
            _repository.Discoveries.Forget(remote);
            throw;
        }
    }

    private static bool MeansChangedServer(Exception error, GitRemote remote) =>
        HostFailure.Of(error, remote) is { Code: "protocol_error" or "host_error" or "not_found" or "moved" or "unreachable", RetryAfter: null };

    private async Task<Tip> ListAsync(GitRemote remote, Discovery server, WantedRef wanted, CancellationToken cancellationToken)
    {
        if (await ListAsync(remote, server, wanted, [.. wanted.Candidates], cancellationToken) is { } tip)
            return tip;
        // Only now does it matter what else there is: to tell an empty repository from a missing ref, and to name the default branch.
        var everything = new WantedRef("HEAD") { StopsAtFirst = true };
        var head = await ListAsync(remote, server, everything, [], cancellationToken);
        throw Missing(wanted, isEmpty: !everything.SawAny, head?.RefName);
    }

    private async Task<Tip?> ListAsync(GitRemote remote, Discovery server, WantedRef wanted, string[] prefixes, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(LsRefs(server, prefixes));
        content.Headers.ContentType = new MediaTypeHeaderValue(Discovery.RequestType);
        using var response = await _repository.PostAsync(remote, server.UploadPackUri, content, "version=2", cancellationToken);
        var reader = new PacketReader(await response.Content.ReadAsStreamAsync(cancellationToken), _limits.RefListBytes);
        while (await reader.ReadAsync(cancellationToken) is var kind && kind != PacketKind.Flush)
        {
            if (kind != PacketKind.Data)
                throw PacketReader.Broken("a list of refs without an end");
            // What is left is read, so that the connection can be used again, unless there is much of it.
            if (wanted.IsSettled && (wanted.StopsAtFirst || reader.BytesRead > MaxRest))
                break;
            if (wanted.IsSettled || reader.Line.Span.StartsWith("unborn "u8))
                continue;
            var words = reader.Text.Split(' ');
            if (words.Length < 2 || words[0].Length != server.ObjectIdDigits || !ObjectId.IsValid(words[0]))
                throw PacketReader.Broken("a ref without a valid object id");
            wanted.Offer(words[0], words[1], Attribute(words, "peeled:"), Attribute(words, "symref-target:"));
        }

        return wanted.Best;

        string? Attribute(string[] words, string name)
        {
            var value = Array.Find(words, word => word.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
            return value is null || name != "peeled:" || (value.Length == server.ObjectIdDigits && ObjectId.IsValid(value))
                ? value
                : throw PacketReader.Broken("a tag that is peeled to no valid object id");
        }
    }

    private static byte[] LsRefs(Discovery server, string[] prefixes)
    {
        var request = new StringBuilder();
        Append("command=ls-refs\n");
        if (server.SendsObjectFormat)
            Append($"object-format={ObjectId.Format(server.ObjectIdDigits)}\n");
        request.Append("0001");
        Append("peel\n");
        Append("symrefs\n");
        foreach (var prefix in prefixes)
            Append($"ref-prefix {prefix}\n");
        return Encoding.UTF8.GetBytes(request.Append("0000").ToString());

        void Append(string line) => request.Append((Encoding.UTF8.GetByteCount(line) + 4).ToString("x4", CultureInfo.InvariantCulture)).Append(line);
    }

    // The head has been read up to the first ref, whose line also carries the capabilities.
    private static async Task<Tip> ReadAdvertisementAsync(PacketReader reader, WantedRef wanted, CancellationToken cancellationToken)
    {
        if (reader.Line.IsEmpty)
            throw Missing(wanted, isEmpty: true, defaultBranch: null);
        if (reader.Line.Span.SequenceEqual("version 1"u8) && await reader.ReadAsync(cancellationToken) != PacketKind.Data)
            throw PacketReader.Broken("an empty answer");
        var first = reader.Text;
        var zero = first.IndexOf('\0', StringComparison.Ordinal);
        if (zero < 0)
            throw PacketReader.Broken("something else than a list of refs");
        var capabilities = first[(zero + 1)..].Split(' ');
        var digits = capabilities.Contains("object-format=sha256") ? ObjectId.Sha256Digits : ObjectId.Sha1Digits;
        var head = capabilities.FirstOrDefault(c => c.StartsWith("symref=HEAD:", StringComparison.Ordinal))?["symref=HEAD:".Length..];
        (string Sha, string Name)? pending = null;
        string? peeled = null;
        for (var line = first[..zero]; ;)
        {
            var (sha, name) = Split(line, digits);
            if (name.EndsWith("^{}", StringComparison.Ordinal))
            {
                if (pending is { } tag && name.AsSpan(0, name.Length - 3).SequenceEqual(tag.Name))
                    peeled = sha;
            }
            else
            {
                OfferPending();
                (pending, peeled) = ((sha, name), null);
            }

            if (wanted.IsSettled)
                break;
            // "capabilities^{}" stands in for the first ref of an empty repository.
            var kind = await reader.ReadAsync(cancellationToken);
            if (kind == PacketKind.Flush)
                break;
            if (kind != PacketKind.Data)
                throw PacketReader.Broken("a list of refs without an end");
            if (reader.Line.Span.StartsWith("shallow "u8))
                continue;
            line = reader.Text;
        }

        OfferPending();
        return wanted.Best ?? throw Missing(wanted, isEmpty: !wanted.SawAny, head);

        void OfferPending()
        {
            if (pending is { } offered)
                wanted.Offer(offered.Sha, offered.Name, peeled, offered.Name == "HEAD" ? head : null);
            pending = null;
        }
    }

    private static (string Sha, string Name) Split(string line, int digits)
    {
        if (line.Length < digits + 2 || line[digits] != ' ' || !ObjectId.IsValid(line.AsSpan(0, digits)))
            throw PacketReader.Broken("a ref without a valid object id");
        return (line[..digits], line[(digits + 1)..]);
    }

    private static GitException Missing(WantedRef wanted, bool isEmpty, string? defaultBranch) => isEmpty
        ? new GitException("empty_repository", "The repository has no commits yet.", "Push a commit; it is found by the next check.")
        : new GitException(
            "ref_not_found",
            $"The repository has no ref {wanted.Name}.",
            defaultBranch is null || defaultBranch == "HEAD"
                ? "Check the spelling, or push the branch."
                : $"Check the spelling, or push the branch; the default branch is {Readable.Line(defaultBranch)}.");
}
