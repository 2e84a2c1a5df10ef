using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Git;

/// <summary>Brings Git into a service.</summary>
public static class GitService
{
    /// <summary>Registers <see cref="TipReader"/> and <see cref="GitFetcher"/>; the caller has bound <see cref="GitLimits"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="cacheFolder">Where caches and temporary files go; it may vanish between starts.</param>
    public static void AddGit(this IServiceCollection services, string cacheFolder) => throw new NotImplementedException();
}
