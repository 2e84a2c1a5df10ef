using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Tests with a Git host over HTTP that has one empty repository, and Git as a service has it.</summary>
public abstract class GitHostSpecs : IAsyncLifetime
{
    private protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private protected GitServices Services { get; } = new();

    private protected GitHttpServer Host { get; set; } = null!;

    private protected GitRepository Repository { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Host = await GitHttpServer.StartAsync();
        Repository = Host.CreateRepository();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Services.DisposeAsync();
        await Host.DisposeAsync();
    }
}
