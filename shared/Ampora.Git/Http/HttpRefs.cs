using System.Net.Http.Headers;
using Ampora.Git.Protocol;

namespace Ampora.Git.Http;

/// <summary>
/// Reads refs over smart HTTP: protocol v2 where the server has it, the list of discovery where not. What a server can is known for each (remote,
/// credential) until a protocol error, so that a reading is one request.
/// </summary>
internal sealed class HttpRefs(RepositoryHttp repository, GitLimits limits)
{
    private const string Version2 = "http-v2";
    private const string Version0 = "http-v0";

    /// <summary>Looks for refs.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="names">Valid names; see <see cref="GitRef"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<RefReading> ReadAsync(GitRemote remote, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        if (repository.Discoveries.Find(remote) is { } known)
        {
            try
            {
                return await ListAsync(remote, known, new RefQuery(names), cancellationToken);
            }
            catch (Exception e) when (MeansChangedServer(e, remote))
            {
                // The server may have changed its software, its address or its mind: what it said of itself no longer counts.
                repository.Discoveries.Forget(remote);
            }
        }

        Discovery version2;
        await using (var discovery = await repository.DiscoverAsync(remote, cancellationToken))
        {
            if (discovery.V2 is null)
            {
                var query = new RefQuery(names);
                await RefList.ReadAdvertisementAsync(discovery.Reader, query, limits, cancellationToken);
                return new RefReading(Version0, discovery.MovedTo, query);
            }

            version2 = discovery.V2;
        }

        try
        {
            return await ListAsync(remote, version2, new RefQuery(names), cancellationToken);
        }
        catch (Exception e) when (MeansChangedServer(e, remote))
        {
            repository.Discoveries.Forget(remote);
            throw;
        }
    }

    private static bool MeansChangedServer(Exception error, GitRemote remote) =>
        HostFailure.Of(error, remote) is { Code: "protocol_error" or "host_error" or "not_found" or "moved" or "unreachable", RetryAfter: null };

    private async Task<RefReading> ListAsync(GitRemote remote, Discovery server, RefQuery query, CancellationToken cancellationToken)
    {
        if (query.WantsRefs)
            await ListAsync(remote, server, query, query.Prefixes, stopsAtFirst: false, cancellationToken);
        if (!query.IsComplete && query.Prefixes.Count > 0)
        {
            // Only now does it matter what else there is: to tell an empty repository from a missing ref, and to name the default branch.
            var everything = new RefQuery(["HEAD"]);
            await ListAsync(remote, server, everything, [], stopsAtFirst: true, cancellationToken);
            query.NoteOverview(everything);
        }

        foreach (var commit in query.Commits)
            await AskForAsync(remote, server, query, commit, cancellationToken);
        return new RefReading(Version2, server.MovedTo, query);
    }

    private async Task ListAsync(
        GitRemote remote, Discovery server, RefQuery query, IReadOnlyList<byte[]> prefixes, bool stopsAtFirst, CancellationToken cancellationToken)
    {
        using var content = Content(RefList.Request(server.Capabilities, prefixes));
        using var response = await repository.PostAsync(remote, server.UploadPackUri, content, "version=2", cancellationToken);
        var reader = new PacketReader(await response.Content.ReadAsStreamAsync(cancellationToken), limits.RefListBytes);
        try
        {
            await RefList.ReadAsync(reader, server.Capabilities, query, limits, stopsAtFirst, cancellationToken);
        }
        finally
        {
            // The response first: it closes the connection of an answer that is given up, where the stream alone would read it to its end.
            response.Dispose();
            await reader.DisposeAsync();
        }
    }

    // No list tells of a commit in the middle of a branch, so the host is asked for it, and the answer abandoned where its objects begin.
    private async Task AskForAsync(GitRemote remote, Discovery server, RefQuery query, PinnedCommit commit, CancellationToken cancellationToken)
    {
        using var content = Content(CommitRequest.Of(server.Capabilities, commit.Name));
        using var response = await repository.PostAsync(remote, server.UploadPackUri, content, "version=2", cancellationToken);
        var reader = new PacketReader(await response.Content.ReadAsStreamAsync(cancellationToken), limits.RefListBytes);
        try
        {
            query.NoteCommit(commit, await CommitRequest.IsGrantedAsync(reader, cancellationToken));
        }
        finally
        {
            response.Dispose();
            await reader.DisposeAsync();
        }
    }

    private static ByteArrayContent Content(byte[] request)
    {
        var content = new ByteArrayContent(request);
        content.Headers.ContentType = new MediaTypeHeaderValue(Discovery.RequestType);
        return content;
    }
}
