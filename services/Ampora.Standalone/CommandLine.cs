using System.CommandLine;
using System.Text;

namespace Ampora.Standalone;

/// <summary>What was asked for on the command line.</summary>
internal sealed record StandaloneOptions
{
    /// <summary>The repository to watch; null for only what is registered already.</summary>
    public Uri? Source { get; init; }

    /// <summary>The ref; null for the default branch, or for what is registered.</summary>
    public string? Ref { get; init; }

    /// <summary>The user at the Git host.</summary>
    public string? Username { get; init; }

    /// <summary>The password or access token.</summary>
    public string? Password { get; init; }

    /// <summary>Where everything is kept; null for the setting or the default.</summary>
    public string? Data { get; init; }

    /// <summary>Addresses to listen on; null for the setting or the default.</summary>
    public string? Urls { get; init; }

    /// <summary>Never the password.</summary>
    public override string ToString() => $"{Source}";
}

/// <summary>Reads the command line.</summary>
internal static class CommandLine
{
    // EX_USAGE of sysexits.h.
    public const int BadUsageExitCode = 64;

    // An access token has some hundred characters; a larger file is a mistake.
    private const int MaxPasswordFileBytes = 64 * 1024;

    private static readonly Option<Uri?> Source = new("--source")
    {
        Description = "The repository to watch, over HTTP or HTTPS. Without it, Ampora serves the sources that are registered already.",
        HelpName = "https://host/org/repo.git",
        CustomParser = result => ReadSource(result.Tokens[0].Value, result.AddError),
    };

    private static readonly Option<string?> Ref = new("--ref") { Description = "The branch, tag or commit to follow. Default: the default branch.", HelpName = "main" };

    private static readonly Option<string?> Username = new("--username") { Description = "Your name at the Git host, for a private repository.", HelpName = "NAME" };

    private static readonly Option<FileInfo?> PasswordFile = new("--password-file")
    {
        Description = "A file with the password or access token that goes with --username.",
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
            Source, Ref, Username, PasswordFile, Data, Urls,
        };
        root.TreatUnmatchedTokensAsErrors = true;
        root.Validators.Add(command =>
        {
            if (command.GetResult(Source) is null && (command.GetResult(Ref) ?? command.GetResult(Username) ?? command.GetResult(PasswordFile)) is { } orphan)
                command.AddError($"{orphan.IdentifierToken?.Value} needs --source: it says which repository it is for.");
            else if (command.GetResult(Username) is null != command.GetResult(PasswordFile) is null)
                command.AddError("--username and --password-file go together: give both, or neither for a public repository.");
        });

        string? password = null;
        root.SetAction(parsed => run(new StandaloneOptions
        {
            Source = parsed.GetValue(Source),
            Ref = parsed.GetValue(Ref),
            Username = parsed.GetValue(Username),
            Password = password,
            Data = parsed.GetValue(Data),
            Urls = parsed.GetValue(Urls),
        }));
        var parsed = root.Parse(args);
        var errors = parsed.Errors.Select(error => error.Message).ToList();
        if (errors.Count == 0 && parsed.GetValue(PasswordFile) is { } file)
            password = ReadPassword(file, errors.Add);
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

    private static Uri? ReadSource(string text, Action<string> addError)
    {
        // What is wrong beyond this (a forbidden address, say) the API says when the source is registered.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            addError("--source should be the address of a Git repository, such as https://host/org/repo.git; only http and https are supported.");
        else if (url.UserInfo.Length > 0)
            addError("--source should have no name and password in it: give them with --username and --password-file.");
        else
            return url;
        return null;
    }

    private static string? ReadPassword(FileInfo file, Action<string> addError)
    {
        try
        {
            using var stream = file.OpenRead();
            var bytes = new byte[MaxPasswordFileBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            // Editors and `echo` end a file with a newline that is not part of the password.
            var password = length > MaxPasswordFileBytes ? "" : Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\n', '\r');
            if (password.Length == 0)
                addError($"--password-file: {file.FullName} should hold the password alone.");
            return password;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            addError($"--password-file: {file.FullName} cannot be read: {e.Message}");
            return null;
        }
    }
}
