using System.ComponentModel;
using System.Diagnostics;

namespace Ampora.TestServers;

/// <summary>A real SSH key that signs commits, made by <c>ssh-keygen</c>.</summary>
public sealed class CommitKey : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ampora-signing-");
    private string _file = "key";

    private CommitKey()
    {
    }

    /// <summary>The public key: type and key, without a comment.</summary>
    public string PublicKey { get; private set; } = "";

    /// <summary>The key as OpenSSH shows it: <c>SHA256:…</c>.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <param name="type"><c>ed25519</c>, <c>rsa</c> or <c>ecdsa</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<CommitKey> CreateAsync(string type, CancellationToken cancellationToken)
    {
        var key = new CommitKey();
        await key.KeygenAsync(["-q", "-t", type, "-b", type == "rsa" ? "2048" : "256", "-N", "", "-C", "", "-f", "key"], cancellationToken);
        key.PublicKey = (await File.ReadAllTextAsync(Path.Combine(key._folder.FullName, "key.pub"), cancellationToken)).Trim();
        key.Fingerprint = (await key.KeygenAsync(["-l", "-f", "key.pub"], cancellationToken)).Split(' ')[1];
        return key;
    }

    /// <summary>The line that allows this key.</summary>
    /// <param name="principal">Whose key it is.</param>
    /// <param name="options">What follows the principals, such as <c>namespaces="git"</c>.</param>
    public string AllowedAs(string principal, string options = "") => $"{principal} {(options.Length == 0 ? "" : options + " ")}{PublicKey}\n";

    /// <summary>Makes this key sign by a certificate that another one signs.</summary>
    public async Task CertifyAsync(CommitKey authority, string principal, CancellationToken cancellationToken)
    {
        await KeygenAsync(["-q", "-s", Path.Combine(authority._folder.FullName, "key"), "-I", "test", "-n", principal, "key.pub"], cancellationToken);
        _file = "key-cert.pub";
    }

    /// <summary>Signs the commit at the tip of <c>main</c>: <c>git commit --amend -S</c>.</summary>
    /// <returns>The id of the signed commit, which is <c>main</c> now.</returns>
    public async Task<string> SignTipAsync(GitRepository repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        await repository.RunGitAsync("read-tree", "refs/heads/main");
        await repository.RunGitAsync(
            $"--work-tree={_folder.FullName}", "-c", "gpg.format=ssh", "-c", $"user.signingkey={Path.Combine(_folder.FullName, _file)}", "commit", "--quiet", "--amend", "-S", "--no-edit", "--allow-empty");
        return (await repository.TipAsync())!;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task<string> KeygenAsync(string[] arguments, CancellationToken cancellationToken)
    {
        var start = GitProgram.StartInfo("ssh-keygen", _folder.FullName);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            MissingServer.SkipOrFail("ssh-keygen was not found: install openssh-client.");
            throw;
        }

        using (process)
        {
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"ssh-keygen exited with {process.ExitCode}: {await errors}");
        }
    }
}
