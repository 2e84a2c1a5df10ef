using System.Diagnostics;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>The SSH host that the other tests use is a real one: what a stock git sees of it.</summary>
public sealed class SshGitServerSpecs
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stock_git_lists_its_refs_in_the_protocol_that_was_chosen(bool acceptsVersion2)
    {
        await using var server = await SshGitServer.StartAsync(acceptsVersion2, TestContext.Current.CancellationToken);
        var repository = server.CreateRepository("acme/fleet");
        var sha = await repository.CommitAsync(("a.txt", "one"));
        var key = await server.CreateKeyAsync(cancellationToken: TestContext.Current.CancellationToken);

        var (output, trace) = await ListAsync(server, key, repository.Url);

        Assert.Contains($"{sha}\trefs/heads/main", output, StringComparison.Ordinal);
        Assert.Equal(acceptsVersion2, trace.Contains("< version 2", StringComparison.Ordinal));
        Assert.Equal(["git-upload-pack '/acme/fleet.git'"], server.Commands);
    }

    private static async Task<(string Output, string Trace)> ListAsync(SshGitServer server, SshKey key, string url)
    {
        var folder = Directory.CreateTempSubdirectory("ampora-stock-").FullName;
        try
        {
            var (keyFile, hostsFile) = (Path.Combine(folder, "key"), Path.Combine(folder, "hosts"));
            await Executable.WriteAsync(keyFile, key.PrivateKey, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(hostsFile, server.KnownHosts, TestContext.Current.CancellationToken);
            var start = new ProcessStartInfo("git", ["-c", "protocol.version=2", "ls-remote", url])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment["GIT_TRACE_PACKET"] = "1";
            start.Environment["GIT_SSH_COMMAND"] = $"ssh -F none -i {keyFile} -o IdentitiesOnly=yes -o UserKnownHostsFile={hostsFile} -o GlobalKnownHostsFile=none -o BatchMode=yes";
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            return (await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), await errors);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
