using System.Buffers.Binary;
using System.Globalization;

namespace Ampora.Git.Fetching;

/// <summary>Brings commits of a remote into a bare repository with <c>git fetch</c>.</summary>
internal sealed class RemoteFetch(FetchWays ways, GitLimits limits)
{
    // Much is wrong with old commits that only matters to whoever makes new ones.
    private static readonly string[] Harmless =
    [
        "zeroPaddedFilemode", "badFilemode", "badTimezone", "badDate", "badDateOverflow", "zeroPaddedDate", "missingSpaceBeforeDate",
        "missingEmail", "badEmail", "missingSpaceBeforeEmail", "missingNameBeforeEmail", "badName", "multipleAuthors", "missingTaggerEntry",
        "extraHeaderEntry", "nulInCommit",
    ];

    private static readonly (string Name, string Value)[] Settings =
    [
        ("protocol.version", "2"),
        ("credential.helper", ""),
        ("core.askPass", ""),
        ("core.hooksPath", "/dev/null"),
        // A cache that a power cut spoils is made anew; waiting for the disk would be for nothing.
        ("core.fsync", "none"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("fetch.recurseSubmodules", "false"),
        ("fetch.writeCommitGraph", "false"),
        // As a pack, whatever its size: so its objects are counted in one place.
        ("fetch.unpackLimit", "1"),
        ("transfer.fsckObjects", "true"),
        ("fetch.fsckObjects", "true"),
        // Another place to fetch from, which a host may name, is another host.
        ("transfer.bundleURI", "false"),
        .. Harmless.Select(name => ($"fetch.fsck.{name}", "ignore")),
    ];

    /// <summary>Fetches one commit, by its ref where the host gives out no other commits.</summary>
    /// <param name="remote">The repository.</param>
    /// <param name="tip">The commit.</param>
    /// <param name="repository">The bare repository that it comes into.</param>
    /// <param name="options">Options of <c>git fetch</c>: how much of it.</param>
    /// <param name="target">The ref that is set to it.</param>
    /// <param name="cancellationToken">Ends the wait, and git.</param>
    /// <exception cref="GitException">The host, the repository or a limit is in the way.</exception>
    /// <exception cref="CacheBrokenException">Nothing is known to be wrong but the repository that it was to come into.</exception>
    public async Task RunAsync(GitRemote remote, Tip tip, string repository, string[] options, string target, CancellationToken cancellationToken)
    {
        var before = Indexes(repository).Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        if (!await TryRunAsync(remote, tip, tip.Sha, repository, options, target, cancellationToken)
            && !await TryRunAsync(remote, tip, tip.RefName, repository, options, target, cancellationToken))
            throw GitErrors.Gone(tip);
        var objects = Indexes(repository).Where(file => !before.Contains(file.Name)).Sum(file => (long)CountObjects(file));
        if (objects > limits.PackObjects)
        {
            throw new GitException(
                "limit_exceeded",
                $"The fetch brought {objects} objects, more than {limits.PackObjects}, which is the limit.",
                "Follow a smaller repository, or raise Ampora__Git__PackObjects.");
        }
    }

    private async Task<bool> TryRunAsync(
        GitRemote remote, Tip tip, string wanted, string repository, string[] options, string target, CancellationToken cancellationToken)
    {
        await using var way = await ways.OpenAsync(remote, cancellationToken);
        string[] arguments =
        [
            "fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules",
            .. options, "--end-of-options", way.Address, $"+{wanted}:{target}",
        ];
        var (exitCode, errors) = await GitProcess.RunAsync(
            repository, arguments, [.. Settings, .. way.Settings], limits.ChildMemoryBytes, cancellationToken, way.Variables);
        if (exitCode == 0)
            return true;
        if (errors.Contains("unadvertised object", StringComparison.Ordinal) && wanted == tip.Sha && tip.RefName != tip.Sha)
            return false;
        if (await way.ExplainAsync(errors, cancellationToken) is { } failure)
            throw failure;
        var text = way.Hide(errors);
        throw GitErrors.Of(text, tip)
            ?? way.ExplainEnd(text)
            ?? (Exception)new CacheBrokenException(text.Length == 0 ? $"git fetch of {tip.Sha} ended with {exitCode.ToString(CultureInfo.InvariantCulture)}" : text);
    }

    private static IEnumerable<FileInfo> Indexes(string repository) => new DirectoryInfo(Path.Combine(repository, "objects", "pack")) is { Exists: true } packs
        ? packs.EnumerateFiles("*.idx")
        : [];

    // gitformat-pack, version 2: eight bytes of head, then for each first byte of an id how many objects there are up to it.
    private static uint CountObjects(FileInfo index)
    {
        const int lastCount = 8 + (255 * sizeof(uint));
        var count = new byte[sizeof(uint)];
        using var file = index.OpenRead();
        file.Position = lastCount;
        file.ReadExactly(count);
        return BinaryPrimitives.ReadUInt32BigEndian(count);
    }
}
