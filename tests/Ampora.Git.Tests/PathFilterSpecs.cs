using System.Diagnostics;
using System.Text;
using Ampora.Git.Filtering;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Include and exclude lists mean what git makes of a <c>.gitignore</c>: git itself is the judge.</summary>
public sealed class PathFilterSpecs : IDisposable
{
    private static readonly string[] Names =
        ["a", "b", "ab", "abc", "A", "foo", "foo.txt", "bar.txt", ".hidden", "f o", "tail ", "#x", "!x", "a-b", "[a]", "a*b", "é", "名前", "x\\y", "z?", "1", "9z", "cr\r", "t\tb"];

    private static readonly string[] Pieces =
    [
        "a", "b", "ab", "foo", ".txt", "é", "名", " ", "x", "1", "A", "-", "#", "!", "*", "*", "*", "**", "**/", "/**", "/**/", "/*/", "?", "??", "/", "/", "[a-z]", "[!a]", "[^b]", "[]a]", "[a-]",
        "[[:digit:]]", "[[:alpha:]-]", "[!/]", "[a", "[[:no:]]", "[\\]]", "\\*", "\\?", "\\#", "\\!", "\\[", "\\\\", "\\ ", "\\/", "\\a", "***", "[--0]", "[a-c-z]", "[[:]", "[[:a]b", "\t",
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ampora-filter-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Any_list_names_the_paths_that_git_would_ignore()
    {
        await GitProgram.RunAsync(_folder.FullName, ["init", "--quiet"], null, Token);
        var random = new Random(20261122);
        var named = 0;
        for (var round = 0; round < 400; round++)
        {
            var list = Lines(random);
            var paths = Enumerable.Range(0, 60).Select(_ => RandomPath(random)).Distinct().ToArray();
            var ignored = await IgnoredAsync(list, paths);
            Assert.Null(PathFilter.TryParse(list, null, out var include));
            Assert.Null(PathFilter.TryParse(null, list, out var exclude));
            if (include!.IsEverything)
                continue;
            foreach (var path in paths)
            {
                var expected = ignored.Contains(path);
                named += expected ? 1 : 0;
                Assert.True(expected == include.Includes(Raw(path)), $"{Shown(list)} on {Shown(path)}: git says {expected} (round {round})");
                Assert.True(expected != exclude!.Includes(Raw(path)), $"{Shown(list)} excluding {Shown(path)}: git says {expected} (round {round})");
            }
        }

        // Lists that name nothing, or everything, would prove little.
        Assert.InRange(named, 2_000, 20_000);
    }

    [Fact]
    public async Task A_pattern_that_ends_with_a_slash_names_directories_and_submodules_and_no_files()
    {
        await GitProgram.RunAsync(_folder.FullName, ["init", "--quiet"], null, Token);
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "modules/one"));
        Assert.Equal(["modules/one"], await IgnoredAsync("modules/*/\n", ["modules/one", "modules/two"]));
        Assert.Null(PathFilter.TryParse("modules/*/", null, out var filter));

        Assert.True(filter!.Includes("modules/one", isDirectory: true));
        Assert.True(filter.Includes("modules/two/file"));
        Assert.False(filter.Includes("modules/two"));
    }

    [Fact]
    public void Without_patterns_everything_counts_and_what_is_excluded_does_not_though_it_is_included()
    {
        foreach (var nothing in new[] { null, "", "\n\r\n", "# a comment\n" })
        {
            Assert.Null(PathFilter.TryParse(nothing, nothing, out var everything));
            Assert.True(everything!.Includes("any/path"));
        }

        Assert.Null(PathFilter.TryParse("deploy/\n!deploy/secret", "*.md\n!README.md\n", out var filter));
        Assert.False(filter!.IsEverything);
        Assert.True(filter.Includes("deploy/a/b.yaml"));
        // Below an ignored directory git knows no exceptions.
        Assert.True(filter.Includes("deploy/secret"));
        Assert.True(filter.Includes("deploy/README.md"));
        Assert.False(filter.Includes("deploy/notes.md"));
        Assert.False(filter.Includes("other/a.yaml"));
    }

    [Fact]
    public void Names_are_compared_by_their_bytes_in_UTF_8()
    {
        Assert.Null(PathFilter.TryParse("caf\u00e9", null, out var filter));

        Assert.True(filter!.Includes(Raw("caf\u00e9")));
        Assert.False(filter.Includes(Raw("cafe\u0301")));
        Assert.False(filter.Includes("caf\u00e9"));
        Assert.False(filter.Includes(Raw("CAF\u00c9")));
    }

    [Fact]
    public void A_list_has_its_limits_and_says_which_line_is_beyond_them()
    {
        Assert.Null(PathFilter.FindProblem(string.Concat(Enumerable.Repeat("a\n", PathFilter.MaxLines))));
        Assert.Contains("1000 lines", PathFilter.FindProblem(string.Concat(Enumerable.Repeat("a\n", PathFilter.MaxLines)) + "a"), StringComparison.Ordinal);
        Assert.Null(PathFilter.FindProblem(new string('a', PathFilter.MaxLineLength)));
        Assert.StartsWith("include: Line 2 is longer", PathFilter.TryParse("a\n" + new string('a', PathFilter.MaxLineLength + 1), null, out _), StringComparison.Ordinal);
        Assert.StartsWith("exclude: Line 1 contains a NUL", PathFilter.TryParse(null, "a\0", out _), StringComparison.Ordinal);
        Assert.StartsWith("Line 1 ends with a backslash", PathFilter.FindProblem("a\\"), StringComparison.Ordinal);
        Assert.Null(PathFilter.FindProblem("a\\\\"));
        Assert.StartsWith("Line 1 contains half", PathFilter.FindProblem("\ud800"), StringComparison.Ordinal);
    }

    [Fact]
    public void No_pattern_takes_long_whatever_it_is_held_against()
    {
        string[] patterns =
        [
            string.Concat(Enumerable.Repeat("*a", 499)) + "b",
            "/" + string.Concat(Enumerable.Repeat("**/", 333)),
            "/" + string.Concat(Enumerable.Repeat("**/a*", 190)) + "/b",
            string.Concat(Enumerable.Repeat("[a-z]*", 166)),
        ];
        string[] paths = [new string('a', 4096), string.Concat(Enumerable.Repeat("a/", 2047)) + "a", string.Concat(Enumerable.Repeat("aaaaaaa/", 511)) + "a"];
        var started = Stopwatch.GetTimestamp();

        foreach (var pattern in patterns)
        {
            Assert.Null(PathFilter.TryParse(pattern, null, out var filter));
            foreach (var path in paths)
                filter!.Includes(path);
        }

        // One that tries each star again and again would need longer than the universe has.
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(1));
    }

    private static string Lines(Random random)
    {
        var lines = Enumerable.Range(0, random.Next(1, 6)).Select(_ =>
        {
            var line = new StringBuilder(random.Next(5) == 0 ? "!" : "");
            if (random.Next(4) == 0)
                line.Append('/');
            // Often a name that there is, so that something matches.
            for (var i = random.Next(1, 5); i > 0; i--)
                line.Append(random.Next(3) == 0 ? Names[random.Next(Names.Length)] : Pieces[random.Next(Pieces.Length)]);
            if (random.Next(4) == 0)
                line.Append('/');
            line.Append(random.Next(8) switch { 0 => " ", 1 => "  ", 2 => "\r", 3 => " \r", _ => "" });
            return line.ToString();
        });
        // What PathFilter refuses is no part of this.
        var text = string.Join('\n', lines.Where(line => PathFilter.FindProblem(line) is null));
        return (random.Next(10) == 0 ? "\ufeff" : "") + (random.Next(2) == 0 ? text + "\n" : "# comment\n\n" + text);
    }

    private static string RandomPath(Random random) => string.Join('/', Enumerable.Range(0, random.Next(1, 5)).Select(_ => Names[random.Next(Names.Length)]));

    private async Task<HashSet<string>> IgnoredAsync(string list, string[] paths)
    {
        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, ".gitignore"), Encoding.UTF8.GetBytes(list), Token);
        // No path is there, so none but those above another one is a directory. That nothing is ignored is an exit code of 1.
        using var git = Process.Start(new ProcessStartInfo("git", ["-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"])
        {
            WorkingDirectory = _folder.FullName,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardInputEncoding = new UTF8Encoding(false),
        })!;
        await git.StandardInput.WriteAsync(string.Concat(paths.Select(path => path + "\0")).AsMemory(), Token);
        git.StandardInput.Close();
        var output = await git.StandardOutput.ReadToEndAsync(Token);
        await git.WaitForExitAsync(Token);
        Assert.InRange(git.ExitCode, 0, 1);
        return [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static string Raw(string path) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(path));

    private static string Shown(string text) => text.Replace("\n", "⏎", StringComparison.Ordinal).Replace("\r", "␍", StringComparison.Ordinal).Replace("\t", "⇥", StringComparison.Ordinal);
}
