using System.Globalization;

namespace Ampora.Git.Fetching;

/// <summary>Starts git on a bare repository, with nobody's configuration but the one that it is given.</summary>
internal static class GitProcess
{
    // Beyond these, git keeps content that it may need again, and maps packs, up to gigabytes.
    private static readonly (string Name, string Value)[] Frugal =
    [
        // Larger files go through in pieces instead of being held as a whole.
        ("core.bigFileThreshold", "16m"),
        ("core.deltaBaseCacheLimit", "32m"),
        ("core.packedGitWindowSize", "16m"),
        ("core.packedGitLimit", "64m"),
        ("pack.threads", "1"),
    ];

    /// <summary>Starts git.</summary>
    /// <param name="repository">The bare repository that it works on.</param>
    /// <param name="arguments">Its arguments: other users of the machine can read them.</param>
    /// <param name="settings">Its configuration, which goes by the environment: only this user can read that.</param>
    /// <param name="memoryBytes">Bytes that it and each program that it starts may have.</param>
    /// <param name="variables">What else its environment has.</param>
    public static ChildProcess Start(
        string repository,
        IReadOnlyList<string> arguments,
        IEnumerable<(string Name, string Value)> settings,
        long memoryBytes,
        IReadOnlyDictionary<string, string>? variables = null) =>
        ChildProcess.Start("git", arguments, repository, [.. Variables(repository, memoryBytes, settings), .. variables ?? new Dictionary<string, string>()], memoryBytes);

    /// <summary>Runs git to its end.</summary>
    /// <returns>Its exit code, and what it said on standard error, cut to a readable length.</returns>
    public static async Task<(int ExitCode, string Errors)> RunAsync(
        string repository,
        IReadOnlyList<string> arguments,
        IEnumerable<(string Name, string Value)> settings,
        long memoryBytes,
        CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string>? variables = null)
    {
        await using var git = Start(repository, arguments, settings, memoryBytes, variables);
        git.Input.Close();
        await git.Output.CopyToAsync(Stream.Null, cancellationToken);
        return await git.EndAsync(cancellationToken);
    }

    private static Dictionary<string, string> Variables(string repository, long memoryBytes, IEnumerable<(string Name, string Value)> settings)
    {
        var variables = new Dictionary<string, string>
        {
            ["HOME"] = repository,
            ["GIT_DIR"] = repository,
            ["GIT_CONFIG_NOSYSTEM"] = "1",
            ["GIT_CONFIG_GLOBAL"] = "/dev/null",
            ["GIT_ATTR_NOSYSTEM"] = "1",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_ALLOW_PROTOCOL"] = "http",
            // Objects are read as they are: no replacements, and none fetched behind the caller's back.
            ["GIT_NO_REPLACE_OBJECTS"] = "1",
            ["GIT_NO_LAZY_FETCH"] = "1",
            // One object, or the table for an absurd number of them, may not take all memory: git gives up beyond this, and says so.
            ["GIT_ALLOC_LIMIT"] = memoryBytes.ToString(CultureInfo.InvariantCulture),
        };
        var count = 0;
        foreach (var (name, value) in Frugal.Concat(settings))
        {
            variables[$"GIT_CONFIG_KEY_{count.ToString(CultureInfo.InvariantCulture)}"] = name;
            variables[$"GIT_CONFIG_VALUE_{count.ToString(CultureInfo.InvariantCulture)}"] = value;
            count++;
        }

        variables["GIT_CONFIG_COUNT"] = count.ToString(CultureInfo.InvariantCulture);
        return variables;
    }
}
