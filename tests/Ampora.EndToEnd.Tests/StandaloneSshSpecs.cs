using System.Text;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests;

/// <summary>A repository over SSH, from the command line.</summary>
public sealed class StandaloneSshSpecs : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-standalone-");
    private int _started;

    private string Folder => Path.Combine(_data.FullName, "data");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public async Task One_command_watches_a_repository_over_ssh_and_keeps_its_key_to_itself()
    {
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        using var repository = host.CreateRepository("acme/fleet");
        var v1 = await repository.CommitAsync(("a.yaml", "1"));
        await repository.TagAsync("v1.2.0", v1);
        var v2 = await repository.CommitAsync(("a.yaml", "2"));
        await repository.TagAsync("v1.10.0", v2);
        var key = await host.CreateKeyAsync(passphrase: "correct horse", cancellationToken: Stop);
        // The file of somebody who knows other hosts too.
        var known = Write("known_hosts", $"git.example.com {host.KnownHosts.Split(' ', 2)[1].Split('\n')[0]}\n{host.KnownHosts}");

        await using var ampora = Start(
            "--source", $"{host.BaseUrl}/acme/fleet.git", "--ref", "tags/v1.*",
            "--ssh-key", Write("key", key.PrivateKey), "--passphrase-file", Write("passphrase", "correct horse\n"), "--known-hosts", known);
        await ampora.LineAsync($"fleet: {v2[..7]} \"Change a.yaml\" initial, 1 file changed, ");
        var v3 = await repository.CommitAsync(("a.yaml", "3"));
        await repository.TagAsync("v1.11.0", v3);
        await StandaloneProcess.PasteAsync(await ampora.CurlAsync());
        await ampora.LineAsync($"fleet: {v3[..7]} \"Change a.yaml\" webhook, 1 file changed, ");
        Assert.Equal(0, await ampora.InterruptAsync());
        Assert.Empty(ampora.Errors);

        foreach (var secret in new[] { key.PrivateKey.Split('\n')[1], "correct horse" })
        {
            foreach (var file in new DirectoryInfo(Folder).GetFiles("*", SearchOption.AllDirectories))
                Assert.True((await File.ReadAllBytesAsync(file.FullName, Stop)).AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) < 0, file.Name);
            Assert.DoesNotContain(ampora.Output, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task What_is_wrong_with_key_or_host_key_is_one_line_that_names_the_option()
    {
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.yaml", "1"));
        var url = $"{host.BaseUrl}/fleet.git";
        var known = Write("known_hosts", host.KnownHosts);
        var encrypted = await host.CreateKeyAsync(passphrase: "correct horse", cancellationToken: Stop);
        var stranger = await host.CreateKeyAsync(authorized: false, cancellationToken: Stop);

        // Before anything starts.
        await RefusedAsync("--known-hosts: ", "--source", url, "--ssh-key", Write("key", encrypted.PrivateKey), "--known-hosts", Write("others", "git.example.com ssh-ed25519 AAAA\n"));
        await RefusedAsync("--known-hosts: ", "--source", url, "--ssh-key", Write("key", encrypted.PrivateKey), "--known-hosts", Path.Combine(_data.FullName, "none"));
        await RefusedAsync("--ssh-key: ", "--source", url, "--ssh-key", Path.Combine(_data.FullName, "none"), "--known-hosts", known);
        // What the API refuses.
        await RefusedAsync("--passphrase-file: ", "--source", url, "--ssh-key", Write("key", encrypted.PrivateKey), "--known-hosts", known);
        await RefusedAsync("--ssh-key: ", "--source", url, "--ssh-key", Write("key", encrypted.PublicKey), "--known-hosts", known);
        await RefusedAsync("--ssh-key: ", "--source", url);

        // What only the host, or OpenSSH, can tell.
        await using (var ampora = Start("--source", url, "--ssh-key", Write("key", stranger.PrivateKey), "--known-hosts", known))
        {
            Assert.EndsWith("; see --ssh-key", await ampora.LineAsync("fleet: ", skip: 1), StringComparison.Ordinal);
            await ampora.InterruptAsync();
        }

        await using var wrong = Start(
            "--source", url, "--ssh-key", Write("key", encrypted.PrivateKey), "--passphrase-file", Write("passphrase", "wrong horse"), "--known-hosts", known);
        Assert.EndsWith("; see --passphrase-file", await wrong.LineAsync("fleet: ", skip: 1), StringComparison.Ordinal);
        await wrong.InterruptAsync();
    }

    private async Task RefusedAsync(string beginning, params string[] arguments)
    {
        await using var ampora = Start(arguments);
        var exitCode = await ampora.ExitCodeAsync();
        Assert.True(exitCode == 64, $"{exitCode}: {string.Join('\n', ampora.Errors)}");
        Assert.StartsWith($"ampora-standalone: {beginning}", ampora.Errors[0], StringComparison.Ordinal);
        Assert.DoesNotContain(ampora.Errors, line => line.Contains("horse", StringComparison.Ordinal));
    }

    private string Write(string name, string content)
    {
        var path = Path.Combine(_data.FullName, name);
        File.WriteAllText(path, content);
        return path;
    }

    // A folder each: of a source that fails already, the next failure is no news.
    private StandaloneProcess Start(params string[] arguments) => StandaloneProcess.Start(["--data", Path.Combine(Folder, $"{_started++}"), .. arguments]);
}
