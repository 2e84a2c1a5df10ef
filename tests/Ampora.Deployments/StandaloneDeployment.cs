using Ampora.TestServers;

namespace Ampora.Deployments;

/// <summary>One process: in-memory bus, SQLite.</summary>
public class StandaloneDeployment : Deployment
{
    // Held by the process, and empty.
    private const string LockFile = "lock";

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-e2e-");

    public ServiceProcess Process => Processes[0];

    /// <summary>Where the process keeps everything.</summary>
    protected virtual string DataFolder => _data.FullName;

    /// <summary>The same, for those who look into it.</summary>
    public DirectoryInfo Data => new(DataFolder);

    public override Task<IReadOnlyList<(string Where, byte[] Content)>> StoredAsync() => Task.FromResult<IReadOnlyList<(string, byte[])>>(
        [.. _data.EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Name != LockFile).Select(file => (file.FullName, ReadShared(file)))]);

    protected override Task StartAsync()
    {
        BaseUrl = $"http://127.0.0.1:{FreePort.Next()}";
        var management = FreePort.Next();
        ManagementUrls.Add($"http://127.0.0.1:{management}");
        var process = new ServiceProcess("standalone", new Dictionary<string, string?>(Settings)
        {
            ["ASPNETCORE_URLS"] = BaseUrl,
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["AMPORA_DATA"] = DataFolder,
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

    // The databases are open, and caches come and go.
    private static byte[] ReadShared(FileInfo file)
    {
        try
        {
            using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return content.ToArray();
        }
        catch (FileNotFoundException)
        {
            return [];
        }
    }
}
