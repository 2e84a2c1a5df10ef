using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Deployments;

/// <summary>One process: in-memory bus, SQLite.</summary>
public sealed class StandaloneDeployment : Deployment
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-e2e-");

    public ServiceProcess Process => Processes[0];

    protected override Task StartAsync()
    {
        BaseUrl = $"http://127.0.0.1:{FreePort.Next()}";
        var management = FreePort.Next();
        ManagementUrls.Add($"http://127.0.0.1:{management}");
        var process = new ServiceProcess("standalone", new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = BaseUrl,
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["AMPORA_DATA"] = _data.FullName,
            ["AMPORA_ADMIN_TOKEN"] = AdminToken,
            ["Ampora__Management__Port"] = $"{management}",
            ["Ampora__Webhooks__MissGraceSeconds"] = MissGraceSeconds,
        });
        process.Start();
        Processes.Add(process);
        return Task.CompletedTask;
    }

    protected override Task StopServersAsync()
    {
        _data.Delete(recursive: true);
        return Task.CompletedTask;
    }
}
