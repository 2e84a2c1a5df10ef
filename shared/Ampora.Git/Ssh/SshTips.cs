using Ampora.Git.Protocol;

namespace Ampora.Git.Ssh;

/// <summary>
/// Reads refs over SSH: the same requests and answers as over HTTP, through the pipes of an <c>ssh</c> (gitprotocol-v2); where the host does not pass
/// GIT_PROTOCOL on to its git, the list that it begins with.
/// </summary>
internal sealed class SshTips(SshLinks links, GitLimits limits)
{
    private const string Version2 = "ssh-v2";
    private const string Version0 = "ssh-v0";

    /// <summary>Looks for refs.</summary>
    /// <param name="remote">An SSH remote.</param>
    /// <param name="names">Valid names; see <see cref="GitRef"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GitException">The refs could not be read.</exception>
    public async Task<RefReading> ReadAsync(GitRemote remote, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        var query = new RefQuery(names);
        var transport = await AskAsync(remote, (session, reader, server) => ListAsync(session, reader, server, query, cancellationToken), cancellationToken);
        if (transport == Version2)
        {
            foreach (var commit in query.Commits)
                await AskAsync(remote, (session, reader, server) => AskForAsync(session, reader, server!, query, commit, cancellationToken), cancellationToken);
        }

        return new RefReading(transport, null, query);
    }

    private async Task<string> AskAsync(GitRemote remote, Func<SshSession, PacketReader, Capabilities?, Task> ask, CancellationToken cancellationToken)
    {
        await using var session = await SshSession.OpenAsync(links, remote, limits, cancellationToken);
        var reader = new PacketReader(session.Output, limits.RefListBytes);
        try
        {
            var server = await Capabilities.ReadAsync(reader, mayBeEmpty: true, cancellationToken);
            await ask(session, reader, server);
            return server is null ? Version0 : Version2;
        }
        catch (Exception e) when (e is IOException or GitException { Code: "protocol_error" or "host_error" })
        {
            // A host that says what is wrong in the protocol's own way uses the same words as one that writes them to standard error.
            throw await session.ExplainAsync(cancellationToken) ?? SshErrors.Of(e.Message, remote) ?? e as GitException ?? SshErrors.OfEnd("", remote)!;
        }
        finally
        {
            await reader.DisposeAsync();
        }
    }

    private async Task ListAsync(SshSession session, PacketReader reader, Capabilities? server, RefQuery query, CancellationToken cancellationToken)
    {
        if (server is null)
        {
            await RefList.ReadAdvertisementAsync(reader, query, limits, cancellationToken);
            return;
        }

        if (query.WantsRefs && !await ListAsync(session, reader, server, query, query.Prefixes, stopsAtFirst: false, cancellationToken))
            return;
        if (!query.IsComplete && query.Prefixes.Count > 0)
        {
            // Only now does it matter what else there is: to tell an empty repository from a missing ref, and to name the default branch.
            var everything = new RefQuery(["HEAD"]);
            await ListAsync(session, reader, server, everything, [], stopsAtFirst: true, cancellationToken);
            query.NoteOverview(everything);
        }
    }

    private async Task<bool> ListAsync(
        SshSession session,
        PacketReader reader,
        Capabilities server,
        RefQuery query,
        IReadOnlyList<byte[]> prefixes,
        bool stopsAtFirst,
        CancellationToken cancellationToken)
    {
        await session.Input.WriteAsync(RefList.Request(server, prefixes), cancellationToken);
        await session.Input.FlushAsync(cancellationToken);
        return await RefList.ReadAsync(reader, server, query, limits, stopsAtFirst, cancellationToken);
    }

    // Each in a session of its own: a host that refuses one ends it, and what one grants is abandoned where its objects begin.
    private static async Task AskForAsync(
        SshSession session, PacketReader reader, Capabilities server, RefQuery query, PinnedCommit commit, CancellationToken cancellationToken)
    {
        await session.Input.WriteAsync(CommitRequest.Of(server, commit.Name), cancellationToken);
        await session.Input.FlushAsync(cancellationToken);
        query.NoteCommit(commit, await CommitRequest.IsGrantedAsync(reader, cancellationToken));
    }
}
