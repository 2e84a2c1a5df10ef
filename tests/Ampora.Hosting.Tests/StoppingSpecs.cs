using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ampora.Hosting.Tests;

/// <summary>What a service does when it is told to stop.</summary>
public sealed class StoppingSpecs
{
    [Fact]
    public async Task A_part_that_never_ends_does_not_keep_the_process()
    {
        var deaf = new Deaf();
        var exitCode = await ServiceHost.RunAsync(
            "ingress",
            ["--urls=http://127.0.0.1:0", "--Ampora:Management:Port=0"],
            builder => builder.Services.AddSingleton<IHostedService>(deaf),
            consumers: null,
            _ => { },
            (app, _) =>
            {
                app.Lifetime.StopApplication();
                return Task.CompletedTask;
            }).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        Assert.Equal(0, exitCode);
        Assert.True(deaf.WasTold);
    }

    /// <summary>As a driver is that opens a connection to a database that stands still.</summary>
    private sealed class Deaf : IHostedService
    {
        public bool WasTold { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            WasTold = true;
            return new TaskCompletionSource().Task;
        }
    }
}
