using Ampora.TestServers;

namespace Ampora.Git.Tests.Transports;

/// <summary>A real Git host, and how it is spoken to.</summary>
public abstract class Transport : IAsyncDisposable
{
    /// <summary>What a source test calls it.</summary>
    public abstract string Name { get; }

    public abstract Task StartAsync(CancellationToken cancellationToken);

    public abstract GitRepository CreateRepository(string name, string objectFormat = "sha1");

    public abstract GitRemote RemoteOf(GitRepository repository);

    /// <summary>A repository that the host does not have.</summary>
    public abstract GitRemote Missing();

    public abstract ValueTask DisposeAsync();
}

/// <summary>Smart HTTP through <c>git http-backend</c>.</summary>
/// <param name="onlyV0">Whether the host has never heard of protocol v2.</param>
public sealed class HttpTransport(bool onlyV0) : Transport
{
    private GitHttpServer _server = null!;

    public override string Name => onlyV0 ? "http-v0" : "http-v2";

    public override async Task StartAsync(CancellationToken cancellationToken) => _server = await GitHttpServer.StartAsync();

    public override GitRepository CreateRepository(string name, string objectFormat = "sha1")
    {
        var repository = _server.CreateRepository(name, objectFormat);
        repository.OnlyProtocolV0 = onlyV0;
        return repository;
    }

    public override GitRemote RemoteOf(GitRepository repository) => GitServices.Remote(repository);

    public override GitRemote Missing() => GitServices.Remote($"{_server.BaseUrl}/missing.git");

    public override async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
