using System.Net.Http.Headers;
using Ampora.TestServers;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Git.Tests;

/// <summary>Git as a service has it, with a cache folder of its own and loopback allowed.</summary>
internal sealed class GitServices : IAsyncDisposable
{
    private readonly ServiceProvider _provider;

    public GitServices(Action<GitLimits>? configure = null, TimeProvider? time = null)
    {
        var services = new ServiceCollection();
        services.Configure<GitLimits>(limits =>
        {
            limits.AllowedNetworks = "127.0.0.0/8, ::1";
            configure?.Invoke(limits);
        });
        if (time is not null)
            services.AddSingleton(time);
        services.AddGit(CacheFolder);
        _provider = services.BuildServiceProvider();
    }

    public string CacheFolder { get; } = Directory.CreateTempSubdirectory("ampora-git-cache-").FullName;

    public TipReader Tips => _provider.GetRequiredService<TipReader>();

    public GitFetcher Fetcher => _provider.GetRequiredService<GitFetcher>();

    public static GitRemote Remote(string url, AuthenticationHeaderValue? authorization = null)
    {
        Assert.Null(GitUrl.TryParse(url, out var parsed));
        return new GitRemote(parsed!, authorization);
    }

    public static GitRemote Remote(GitRepository repository, AuthenticationHeaderValue? authorization = null) => Remote(repository.Url, authorization);

    public static AuthenticationHeaderValue Basic(string username, string password) =>
        new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{username}:{password}")));

    public async ValueTask DisposeAsync()
    {
        await _provider.DisposeAsync();
        Directory.Delete(CacheFolder, recursive: true);
    }
}
