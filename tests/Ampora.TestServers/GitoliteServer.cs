using System.Diagnostics;

namespace Ampora.TestServers;

/// <summary>
/// The real gitolite 3 in a home of its own, set up for one user. Pushes go through its shell as sshd starts it, without an sshd:
/// the command that Git would send is handed over by <c>GIT_SSH_COMMAND</c>.
/// </summary>
public sealed class GitoliteServer : IDisposable
{
    private const string Program = "/usr/bin/gitolite";
    private const string Shell = "/usr/share/gitolite3/gitolite-shell";
    private const string User = "ada";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    // Git calls it with a host and one command, as the "simple" kind of ssh.
    private const string Ssh = $"""
        #!/bin/sh
        for command; do :; done
        export SSH_ORIGINAL_COMMAND="$command" SSH_CONNECTION="127.0.0.1 1 127.0.0.1 22"
        exec {Shell} {User}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("ampora-gitolite-").FullName;

    private GitoliteServer() => Home = Directory.CreateDirectory(Path.Combine(_folder, "home")).FullName;

    /// <summary>The home of the Git user.</summary>
    public string Home { get; }

    /// <summary>Sets gitolite up with the user's key, and lets repositories name hooks of their own.</summary>
    public static async Task<GitoliteServer> StartAsync(CancellationToken cancellationToken = default)
    {
        if (!File.Exists(Program) || !File.Exists(Shell))
            MissingServer.SkipOrFail("gitolite was not found: install gitolite3 (3.6 or later).");
        var server = new GitoliteServer();
        try
        {
            var ssh = Path.Combine(server._folder, "ssh");
            await Executable.WriteAsync(ssh, Ssh, cancellationToken);
            await server.RunAsync(server._folder, "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", User, "-f", User], cancellationToken);
            await server.RunAsync(server._folder, "gitolite", ["setup", "-pk", $"{User}.pub"], cancellationToken);
            // Both lines are in gitolite's own file, behind a comment sign.
            var settings = Path.Combine(server.Home, ".gitolite.rc");
            var text = await File.ReadAllTextAsync(settings, cancellationToken);
            text = text.Replace("# LOCAL_CODE                =>  \"$ENV{HOME}/local\"", "LOCAL_CODE => \"$ENV{HOME}/local\"", StringComparison.Ordinal)
                .Replace("# 'repo-specific-hooks'", "'repo-specific-hooks'", StringComparison.Ordinal);
            await File.WriteAllTextAsync(settings, text, cancellationToken);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Puts a script where repositories can name it as a hook.</summary>
    public async Task AddHookAsync(string name, string script, CancellationToken cancellationToken)
    {
        var hooks = Directory.CreateDirectory(Path.Combine(Home, "local", "hooks", "repo-specific")).FullName;
        await Executable.WriteAsync(Path.Combine(hooks, name), script, cancellationToken);
    }

    /// <summary>Makes a repository with a post-receive hook, as an administrator does: by a push of <c>gitolite-admin</c>.</summary>
    /// <returns>The bare repository's folder.</returns>
    public async Task<string> AddRepositoryAsync(string name, string hook, CancellationToken cancellationToken)
    {
        var admin = Path.Combine(_folder, "admin");
        if (!Directory.Exists(admin))
            await GitAsync(_folder, ["clone", "--quiet", "git@localhost:gitolite-admin", admin], cancellationToken);
        await File.AppendAllTextAsync(
            Path.Combine(admin, "conf", "gitolite.conf"), $"\nrepo {name}\n    RW+ = {User}\n    option hook.post-receive = {hook}\n", cancellationToken);
        await GitAsync(admin, ["commit", "--quiet", "--all", "--message", $"Add {name}"], cancellationToken);
        await GitAsync(admin, ["push", "--quiet", "origin", "HEAD"], cancellationToken);
        return Path.Combine(Home, "repositories", name + ".git");
    }

    /// <summary>Commits a file in a working copy and pushes it through gitolite.</summary>
    /// <returns>The commit's id.</returns>
    public async Task<string> PushAsync(string repository, string path, string content, CancellationToken cancellationToken)
    {
        var copy = Path.Combine(_folder, "work", repository);
        if (!Directory.Exists(copy))
        {
            await GitAsync(_folder, ["init", "--quiet", "--initial-branch=main", copy], cancellationToken);
            await GitAsync(copy, ["remote", "add", "origin", $"git@localhost:{repository}"], cancellationToken);
        }
        await File.WriteAllTextAsync(Path.Combine(copy, path), content, cancellationToken);
        await GitAsync(copy, ["add", "--all"], cancellationToken);
        await GitAsync(copy, ["commit", "--quiet", "--message", $"Change {path}"], cancellationToken);
        await GitAsync(copy, ["push", "--quiet", "origin", "main"], cancellationToken);
        return (await GitAsync(copy, ["rev-parse", "HEAD"], cancellationToken)).Trim();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<string> GitAsync(string folder, IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        RunAsync(folder, "git", arguments, cancellationToken);

    private async Task<string> RunAsync(string folder, string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = GitProgram.StartInfo(program, folder);
        start.Environment["HOME"] = Home;
        start.Environment["USER"] = "git";
        start.Environment["GIT_SSH_COMMAND"] = Path.Combine(_folder, "ssh");
        start.Environment["GIT_SSH_VARIANT"] = "simple";
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return process.ExitCode == 0
                ? await output
                : throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} exited with {process.ExitCode}: {await errors}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
