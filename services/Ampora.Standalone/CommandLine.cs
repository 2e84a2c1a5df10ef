using System.CommandLine;
using System.CommandLine.Parsing;
using Ampora.Git;

namespace Ampora.Standalone;

/// <summary>What was asked for on the command line.</summary>
internal sealed record StandaloneOptions
{
    /// <summary>The repository to watch; null for only what is registered already.</summary>
    public GitUrl? Source { get; init; }

    /// <summary>The ref; null for the default branch, or for what is registered.</summary>
    public string? Ref { get; init; }

    /// <summary>The user at the Git host.</summary>
    public string? Username { get; init; }

    /// <summary>The password or access token.</summary>
    public string? Password { get; init; }

    /// <summary>The key for an SSH host; null for none, or for what is registered.</summary>
    public SshLogin? Ssh { get; init; }

    /// <summary>Where everything is kept; null for the setting or the default.</summary>
    public string? Data { get; init; }

    /// <summary>Addresses to listen on; null for the setting or the default.</summary>
    public string? Urls { get; init; }

    /// <summary>Never the password or the key.</summary>
    public override string ToString() => $"{Source}";
}

/// <summary>Reads the command line.</summary>
internal static class CommandLine
{
    // EX_USAGE of sysexits.h.
    public const int BadUsageExitCode = 64;

    private static readonly Option<GitUrl?> Source = new("--source")
    {
        Description = "The repository to watch, over HTTPS, HTTP or SSH. Without it, Ampora serves the sources that are registered already.",
        HelpName = "https://host/org/repo.git | git@host:org/repo.git",
        CustomParser = result => ReadSource(result.Tokens[0].Value, result.AddError),
    };

    private static readonly Option<string?> Ref = new("--ref")
    {
        Description = "The branch, tag or commit to follow, or 'tags/v1.*' (in quotes) for the highest version. Default: the default branch.",
        HelpName = "main",
    };

    private static readonly Option<string?> Username = new("--username") { Description = "Your name at the Git host, for a private repository.", HelpName = "NAME" };

    private static readonly Option<FileInfo?> PasswordFile = new("--password-file")
    {
        Description = "A file with the password or access token that goes with --username.",
        HelpName = "FILE",
    };

    private static readonly Option<FileInfo?> SshKey = new("--ssh-key")
    {
        Description = "A file with the private key for a repository over SSH, as ssh-keygen writes it.",
        HelpName = "FILE",
    };

    private static readonly Option<FileInfo?> KnownHosts = new("--known-hosts")
    {
        Description = "A file with the keys of the SSH host. Default: ~/.ssh/known_hosts",
        HelpName = "FILE",
    };

    private static readonly Option<FileInfo?> PassphraseFile = new("--passphrase-file")
    {
        Description = "A file with the passphrase of the private key, when it is encrypted.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Data = new("--data")
    {
        Description = "The folder for databases, keys and caches. Default: $AMPORA_DATA, or ./.ampora",
        HelpName = "DIR",
    };

    private static readonly Option<string?> Urls = new("--urls")
    {
        Description = "The addresses to listen on. Default: $ASPNETCORE_URLS, or http://localhost:8080",
        HelpName = "http://localhost:8080",
    };

    /// <summary>Reads the command line, and runs Ampora with it unless it asks for help or cannot be read.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, Func<StandaloneOptions, Task<int>> run)
    {
        var root = new RootCommand("Ampora in one process: turns a push to a Git repository into a recorded sync. Needs no broker and no database server.")
        {
            Source, Ref, Username, PasswordFile, SshKey, KnownHosts, PassphraseFile, Data, Urls,
        };
        root.TreatUnmatchedTokensAsErrors = true;
        root.Validators.Add(FindMisfits);

        string? password = null;
        SshLogin? ssh = null;
        root.SetAction(parsed => run(new StandaloneOptions
        {
            Source = parsed.GetValue(Source),
            Ref = parsed.GetValue(Ref),
            Username = parsed.GetValue(Username),
            Password = password,
            Ssh = ssh,
            Data = parsed.GetValue(Data),
            Urls = parsed.GetValue(Urls),
        }));
        var parsed = root.Parse(args);
        var errors = parsed.Errors.Select(error => error.Message).ToList();
        if (errors.Count == 0 && parsed.GetValue(PasswordFile) is { } file)
            password = SecretFile.ReadLine(PasswordFile.Name, file, "the password alone", errors.Add);
        if (errors.Count == 0 && parsed.GetValue(SshKey) is { } key)
            ssh = SshLogin.Read(parsed.GetValue(Source)!, key, parsed.GetValue(KnownHosts), parsed.GetValue(PassphraseFile), errors.Add);
        foreach (var error in errors)
            await System.Console.Error.WriteLineAsync($"ampora-standalone: {OneLine.Of(error)}");
        if (errors.Count > 0)
        {
            await System.Console.Error.WriteLineAsync("ampora-standalone: --help shows what it takes.");
            return BadUsageExitCode;
        }

        // The host itself listens for ^C and ends in order.
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    /// <summary>Says why Ampora does not start.</summary>
    /// <returns>The exit code.</returns>
    public static int Refuse(string problem, int exitCode)
    {
        System.Console.Error.WriteLine($"ampora-standalone: {OneLine.Of(problem)}");
        return exitCode;
    }

    private static void FindMisfits(CommandResult command)
    {
        bool Has(Option option) => command.GetResult(option) is not null;
        Option[] ofSource = [Ref, Username, PasswordFile, SshKey, KnownHosts, PassphraseFile];
        if (!Has(Source) && Array.Find(ofSource, Has) is { } orphan)
            command.AddError($"{orphan.Name} needs --source: it says which repository it is for.");
        else if (Has(Username) != Has(PasswordFile))
            command.AddError("--username and --password-file go together: give both, or neither for a public repository.");
        else if (!Has(SshKey) && Array.Find<Option>([KnownHosts, PassphraseFile], Has) is { } ofKey)
            command.AddError($"{ofKey.Name} goes with --ssh-key: give the private key too.");
        // What is wrong with the address itself is told already.
        else if (command.GetResult(Source)?.Tokens is [{ Value: var text }] && GitUrl.TryParse(text, out var url) is null)
        {
            if (url!.IsSsh && Has(Username))
                command.AddError("--username goes with an https address: over SSH give --ssh-key; the user stands in the address, user@host:path.");
            else if (!url.IsSsh && Has(SshKey))
                command.AddError("--ssh-key goes with an SSH address, such as git@host:org/repo.git; over HTTPS give --username and --password-file.");
        }
    }

    private static GitUrl? ReadSource(string text, Action<string> addError)
    {
        // Whether it may connect there, the API says when the source is registered.
        if (GitUrl.TryParse(text, out var url) is { } problem)
            addError($"--source: {problem}{(text.Contains('@', StringComparison.Ordinal) && text.Contains("://", StringComparison.Ordinal) ? " Here that is --username and --password-file." : "")}");
        return url;
    }
}
