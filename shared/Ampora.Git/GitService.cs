using Ampora.Git.Credentials;
using Ampora.Git.Fetching;
using Ampora.Git.Http;
using Ampora.Git.Ssh;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ampora.Git;

/// <summary>Brings Git into a service.</summary>
public static class GitService
{
    /// <summary>
    /// Registers <see cref="TipReader"/>, <see cref="HostGate"/>, <see cref="TipProbe"/>, <see cref="GitFetcher"/> and <see cref="AddressPolicy"/>; the caller has bound <see cref="GitLimits"/>. In
    /// the environment Development, loopback is allowed. Services of one process may call it more than once: the first cache folder counts.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="cacheFolder">Where caches and temporary files go; it may vanish between starts.</param>
    /// <param name="configurePolicy">Denies Ampora's own parts; each caller's is applied.</param>
    public static void AddGit(this IServiceCollection services, string cacheFolder, Action<IServiceProvider, AddressPolicy>? configurePolicy = null)
    {
        services.AddGitAddressPolicy(configurePolicy);
        services.TryAddSingleton(provider => new GuardedConnector(provider.GetRequiredService<AddressPolicy>(), Limits(provider)));
        services.TryAddSingleton(provider => new GitHttp(provider.GetRequiredService<GuardedConnector>(), Limits(provider)));
        services.TryAddSingleton(provider => new InstallationTokens(
            provider.GetRequiredService<GitHttp>(), provider.GetRequiredService<HostGate>(), Time(provider)));
        services.TryAddSingleton<HttpLogins>();
        services.TryAddSingleton<Discoveries>();
        services.TryAddSingleton(provider => new HostGate(Limits(provider), Time(provider)));
        services.TryAddSingleton(provider => new RepositoryHttp(
            provider.GetRequiredService<GitHttp>(),
            provider.GetRequiredService<HttpLogins>(),
            provider.GetRequiredService<HostGate>(),
            provider.GetRequiredService<Discoveries>(),
            Limits(provider),
            Time(provider)));
        services.TryAddSingleton(provider => new HttpRefs(provider.GetRequiredService<RepositoryHttp>(), Limits(provider)));
        services.TryAddSingleton(_ => new SshFolders([SshFolders.Memory, Path.GetFullPath(cacheFolder)]));
        services.TryAddSingleton(provider => new SshLinks(
            provider.GetRequiredService<GuardedConnector>(), provider.GetRequiredService<HostGate>(), provider.GetRequiredService<SshFolders>(), Limits(provider)));
        services.TryAddSingleton(provider => new SshTips(provider.GetRequiredService<SshLinks>(), Limits(provider)));
        services.TryAddSingleton(provider => new TipReader(
            provider.GetRequiredService<HttpRefs>(), provider.GetRequiredService<SshTips>(), provider.GetRequiredService<HostGate>(), Limits(provider), Time(provider)));
        services.TryAddSingleton(provider => new TipProbe(provider.GetRequiredService<TipReader>()));
        services.TryAddSingleton(provider => new GitRelay(provider.GetRequiredService<RepositoryHttp>(), Limits(provider)));
        services.TryAddSingleton(provider => new CacheFolder(Path.GetFullPath(cacheFolder), Time(provider)));
        services.TryAddSingleton(provider => new FetchWays(provider.GetRequiredService<GitRelay>(), provider.GetRequiredService<SshLinks>(), Limits(provider)));
        services.TryAddSingleton(provider => new GitFetcher(
            provider.GetRequiredService<FetchWays>(), provider.GetRequiredService<CacheFolder>(), Limits(provider), Time(provider)));
    }

    /// <summary>
    /// Registers <see cref="AddressPolicy"/> alone, for a service that checks URLs and connects to none; the caller has bound <see cref="GitLimits"/>. In the
    /// environment Development, loopback is allowed.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configurePolicy">Denies Ampora's own parts; each caller's is applied.</param>
    public static void AddGitAddressPolicy(this IServiceCollection services, Action<IServiceProvider, AddressPolicy>? configurePolicy = null)
    {
        if (configurePolicy is not null)
            services.AddSingleton(new PolicyConfiguration(configurePolicy));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider =>
        {
            var policy = new AddressPolicy(Limits(provider))
            {
                AllowLoopback = provider.GetService<IHostEnvironment>()?.IsDevelopment() == true,
                // Known only once it listens, so it is asked at each connection.
                OwnListeners = () => provider.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses ?? [],
            };
            foreach (var configuration in provider.GetServices<PolicyConfiguration>())
                configuration.Apply(provider, policy);
            return policy;
        });
    }

    private static GitLimits Limits(IServiceProvider provider) => provider.GetRequiredService<IOptions<GitLimits>>().Value;

    private static TimeProvider Time(IServiceProvider provider) => provider.GetRequiredService<TimeProvider>();

    private sealed record PolicyConfiguration(Action<IServiceProvider, AddressPolicy> Apply);
}
