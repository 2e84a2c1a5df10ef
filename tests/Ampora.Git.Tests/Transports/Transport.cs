using Ampora.Git.Credentials;
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

/// <summary>A real sshd, which starts the real <c>git-upload-pack</c>.</summary>
/// <param name="onlyV0">Whether the host keeps GIT_PROTOCOL from git, as an sshd without a setting for it does.</param>
public sealed class SshTransport(bool onlyV0) : Transport
{
    private SshGitServer _server = null!;
    private SshKey _key = null!;

    public override string Name => onlyV0 ? "ssh-v0" : "ssh-v2";

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        _server = await SshGitServer.StartAsync(acceptsVersion2: !onlyV0, cancellationToken);
        _key = await _server.CreateKeyAsync(cancellationToken: cancellationToken);
    }

    public override GitRepository CreateRepository(string name, string objectFormat = "sha1") => _server.CreateRepository(name, objectFormat);

    public override GitRemote RemoteOf(GitRepository repository) => GitServices.Remote(_server, repository, _key);

    public override GitRemote Missing() =>
        GitServices.Remote($"{_server.BaseUrl}/missing.git", new GitCredential.Ssh(_key.PrivateKey, _key.Passphrase, _server.KnownHosts));

    public override async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
