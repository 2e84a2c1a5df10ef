using Ampora.Git.Credentials;
using Ampora.Git.Ssh;
using Ampora.TestServers;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Git.Tests;

/// <summary>Git as a service has it, with a cache folder of its own and loopback allowed.</summary>
internal sealed class GitServices : IAsyncDisposable
{
    private readonly ServiceProvider _provider;

    public GitServices(Action<GitLimits>? configure = null, TimeProvider? time = null, string? sshFolder = null, string? cacheFolder = null)
    {
        CacheFolder = cacheFolder ?? Directory.CreateTempSubdirectory("ampora-git-cache-").FullName;
        var services = new ServiceCollection();
        services.Configure<GitLimits>(limits =>
        {
            limits.AllowedNetworks = "127.0.0.0/8, ::1";
            configure?.Invoke(limits);
        });
        if (time is not null)
            services.AddSingleton(time);
        if (sshFolder is not null)
            services.AddSingleton(_ => new SshFolders([sshFolder, CacheFolder]));
        services.AddGit(CacheFolder);
        _provider = services.BuildServiceProvider();
    }

    public string CacheFolder { get; }

    public TipReader Tips => _provider.GetRequiredService<TipReader>();

    public TipProbe Probe => _provider.GetRequiredService<TipProbe>();

    public HostGate Hosts => _provider.GetRequiredService<HostGate>();

    public GitFetcher Fetcher => _provider.GetRequiredService<GitFetcher>();

    public static GitRemote Remote(string url, GitCredential? credential = null)
    {
        Assert.Null(GitUrl.TryParse(url, out var parsed));
        return new GitRemote(parsed!, credential);
    }

    public static GitRemote Remote(GitRepository repository, GitCredential? credential = null) => Remote(repository.Url, credential);

    public static GitRemote Remote(SshGitServer server, GitRepository repository, SshKey key, string? knownHosts = null) =>
        Remote(repository.Url, new GitCredential.Ssh(key.PrivateKey, key.Passphrase, knownHosts ?? server.KnownHosts));

    public static GitCredential Basic(string username, string password) => new GitCredential.Basic(username, password);

    public async ValueTask DisposeAsync()
    {
        await _provider.DisposeAsync();
        Directory.Delete(CacheFolder, recursive: true);
    }
}
