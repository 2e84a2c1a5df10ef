using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Secrets;

/// <summary>A proxy that wants a password, which a deployment reads from a file; it is used for hosts by name alone.</summary>
public sealed class LockedProxy : IAsyncDisposable
{
    private readonly ForwardProxy _proxy = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ampora-proxy-");

    public LockedProxy()
    {
        _proxy.Login = $"ampora:{Password}";
        var address = new FileInfo(Path.Combine(_folder.FullName, "proxy"));
        File.WriteAllText(address.FullName, $"http://ampora:{Uri.EscapeDataString(Password)}@127.0.0.1:{_proxy.Port}");
        Settings = new Dictionary<string, string?>
        {
            ["Ampora__Git__Proxy_FILE"] = address.FullName,
            ["Ampora__Git__NoProxy"] = "127.0.0.1",
        };
    }

    public string Password { get; } = $"proxy/p+ss {Guid.NewGuid():n}";

    public IReadOnlyDictionary<string, string?> Settings { get; }

    /// <summary>How many requests it has had.</summary>
    public int Requests => _proxy.Requests.Count;

    /// <summary>A name under which the Git host is known to the proxy alone.</summary>
    public string NameFor(GitHttpServer git)
    {
        const string name = "git.behind-the-proxy.example";
        _proxy.Names[name] = git.Port;
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}

/// <summary>A Standalone behind a proxy with a password.</summary>
public sealed class ProxiedStandaloneDeployment : StandaloneDeployment
{
    public LockedProxy Proxy { get; } = new();

    protected override IReadOnlyDictionary<string, string?> Settings => Proxy.Settings;

    protected override async Task StopServersAsync()
    {
        await base.StopServersAsync();
        await Proxy.DisposeAsync();
    }
}

/// <summary>The distributed deployment behind a proxy with a password, with one sweeper, whose memory can be looked at.</summary>
public sealed class ProxiedDistributedDeployment : DistributedDeployment
{
    public LockedProxy Proxy { get; } = new();

    protected override int Sweepers => 1;

    protected override IReadOnlyDictionary<string, string?> Settings => Proxy.Settings;

    protected override async Task StopServersAsync()
    {
        await base.StopServersAsync();
        await Proxy.DisposeAsync();
    }
}

/// <summary>Tests that share it.</summary>
[CollectionDefinition(Name)]
public sealed class SharedProxied : ICollectionFixture<ProxiedDistributedDeployment>
{
    public const string Name = "proxied";
}
