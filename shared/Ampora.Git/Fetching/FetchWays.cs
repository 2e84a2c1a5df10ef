using Ampora.Git.Ssh;

namespace Ampora.Git.Fetching;

/// <summary>How one <c>git fetch</c> reaches its host; it is closed when that has ended.</summary>
internal abstract class FetchWay : IAsyncDisposable
{
    /// <summary>What git is given for the repository.</summary>
    public abstract string Address { get; }

    /// <summary>git's configuration for it.</summary>
    public abstract IEnumerable<(string Name, string Value)> Settings { get; }

    /// <summary>What git's environment has to have for it.</summary>
    public abstract IReadOnlyDictionary<string, string> Variables { get; }

    /// <summary>What went wrong with the host, which says more than what git made of it; null when nothing is known.</summary>
    public abstract Task<GitException?> ExplainAsync(string errors, CancellationToken cancellationToken);

    /// <summary>What is left to be said of a fetch whose failure has no other reason; null when it can be the cache's.</summary>
    public abstract GitException? ExplainEnd(string errors);

    /// <summary>What git said, with the host's URL where it names this way.</summary>
    public abstract string Hide(string errors);

    public abstract ValueTask DisposeAsync();
}

/// <summary>Opens the way that a remote's URL wants. Safe for concurrent use.</summary>
internal sealed class FetchWays(GitRelay relay, SshLinks links, GitLimits limits)
{
    /// <exception cref="GitException">The remote has no credential that its URL wants.</exception>
    public async Task<FetchWay> OpenAsync(GitRemote remote, CancellationToken cancellationToken) => remote.Url.IsSsh
        ? new SshWay(await links.OpenAsync(remote, limits.PackBytes, cancellationToken))
        : new HttpWay(await relay.OpenAsync(remote, cancellationToken));

    private sealed class HttpWay(RelayedFetch relayed) : FetchWay
    {
        public override string Address => relayed.Url;

        public override IEnumerable<(string Name, string Value)> Settings =>
        [
            ("http.extraHeader", relayed.Header),
            ("http.followRedirects", "false"),
            ("http.proxy", ""),
        ];

        public override IReadOnlyDictionary<string, string> Variables { get; } = new Dictionary<string, string> { ["GIT_ALLOW_PROTOCOL"] = "http" };

        public override Task<GitException?> ExplainAsync(string errors, CancellationToken cancellationToken) => Task.FromResult(relayed.Failure);

        public override GitException? ExplainEnd(string errors) => null;

        public override string Hide(string errors) => errors.Replace(relayed.Url, relayed.Remote.Url.ToString(), StringComparison.Ordinal);

        public override ValueTask DisposeAsync()
        {
            relayed.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class SshWay(SshLink link) : FetchWay
    {
        public override string Address => link.Address;

        // git runs the command with a shell, but what it gives it (the relay's name, and the path for the host's shell) are arguments.
        public override IEnumerable<(string Name, string Value)> Settings => [("core.sshCommand", link.Command), ("ssh.variant", "ssh")];

        public override IReadOnlyDictionary<string, string> Variables { get; } =
            new Dictionary<string, string>(link.Variables) { ["GIT_ALLOW_PROTOCOL"] = "ssh" };

        public override Task<GitException?> ExplainAsync(string errors, CancellationToken cancellationToken) => link.ExplainAsync(errors, cancellationToken);

        public override GitException? ExplainEnd(string errors) => SshErrors.OfEnd(link.Hide(errors), link.Remote);

        public override string Hide(string errors) => link.Hide(errors);

        public override ValueTask DisposeAsync() => link.DisposeAsync();
    }
}
