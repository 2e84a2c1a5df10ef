using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ampora.TestServers;

/// <summary>
/// A Git host on a free loopback port: bare repositories served by the real <c>git http-backend</c>. Each repository counts its
/// requests by kind and can be told to misbehave while it runs.
/// </summary>
public sealed class GitHttpServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _folder;
    private readonly ConcurrentDictionary<string, GitRepository> _repositories = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();

    private GitHttpServer(WebApplication app, string folder)
    {
        _app = app;
        _folder = folder;
    }

    /// <summary>Scheme, address and port, without a trailing slash.</summary>
    public string BaseUrl { get; private set; } = "";

    public int Port => new Uri(BaseUrl).Port;

    /// <summary>What answers below <c>/api/v3</c>; null for no such API.</summary>
    public GitHubHost? GitHub { get; set; }

    /// <param name="certificate">For https; null for http.</param>
    public static async Task<GitHttpServer> StartAsync(X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, endpoint =>
            {
                if (certificate is not null)
                    endpoint.UseHttps(certificate);
            });
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        var app = builder.Build();
        var server = new GitHttpServer(app, Directory.CreateTempSubdirectory("ampora-git-host-").FullName);
        app.Run(server.AnswerAsync);
        await app.StartAsync();
        server.BaseUrl = app.Urls.Single();
        return server;
    }

    /// <summary>Makes an empty repository, served at <c>{BaseUrl}/{name}.git</c>; the name may have folders.</summary>
    /// <param name="name">Such as <c>acme/fleet</c>.</param>
    /// <param name="objectFormat"><c>sha1</c> or <c>sha256</c>.</param>
    public GitRepository CreateRepository(string name = "fleet", string objectFormat = "sha1")
    {
        var path = Path.Combine(_folder, name + ".git");
        var repository = Serve(name, path);
        GitProgram.RunAsync(null, ["init", "--quiet", "--bare", "--initial-branch=main", $"--object-format={objectFormat}", path], null, default)
            .GetAwaiter().GetResult();
        return repository;
    }

    /// <summary>Serves a bare repository that lies elsewhere, such as another server's, at <c>{BaseUrl}/{name}.git</c>. It stays where it is.</summary>
    /// <param name="name">Such as <c>acme/fleet</c>.</param>
    /// <param name="folder">The bare repository.</param>
    public GitRepository Serve(string name, string folder)
    {
        var repository = new GitRepository(folder, $"{BaseUrl}/{name}.git");
        return _repositories.TryAdd($"/{name}.git", repository)
            ? repository
            : throw new InvalidOperationException($"There is a repository {name} already.");
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
            await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
        _stopping.Dispose();
        foreach (var repository in _repositories.Values)
            repository.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token);
        try
        {
            var path = context.Request.Path.Value!;
            if (GitHub is not null && path.StartsWith("/api/v3/", StringComparison.Ordinal))
            {
                await GitHub.AnswerAsync(context);
                return;
            }

            var end = path.IndexOf(".git/", StringComparison.Ordinal);
            if (end < 0 || !_repositories.TryGetValue(path[..(end + 4)], out var repository))
            {
                context.Response.StatusCode = 404;
                return;
            }
            await repository.AnswerAsync(context, path[(end + 4)..], ending.Token);
        }
        catch (Exception) when (ending.IsCancellationRequested)
        {
            context.Abort();
        }
    }
}

/// <summary>What a request to a Git host is for.</summary>
public enum GitRequestKind
{
    /// <summary>Discovery; with v0 it carries the refs.</summary>
    InfoRefs,

    /// <summary>The refs, by protocol v2.</summary>
    LsRefs,

    /// <summary>Objects.</summary>
    Fetch,

    /// <summary>Anything else, such as a client's probe before a large body.</summary>
    Other,
}

/// <summary>A request that a repository received.</summary>
public sealed record GitRequest(GitRequestKind Kind, string Path, string? Authorization, string? Protocol);
