using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ampora.Git.Tests.Transports;

/// <summary>
/// A history made up from a seed, in the form that <c>git fast-import</c> takes: files that come, change, go, are renamed and become
/// programs, links or directories; directories that move as a whole; submodules without a repository; binary and large content; merges;
/// and names in every encoding and none. Git itself says afterwards what it amounts to.
/// </summary>
internal sealed class RandomHistory
{
    // Each char is one byte. What Git's own check of objects refuses (.git and what file systems take for it) is tested elsewhere.
    private static readonly string[] Names =
    [
        "a", "A", "b", "a.b", "a-b", "a0", "README.md", "apps", "config", "values.yaml", "deep", "x", "empty", "con", "...", "..x", "~", "@",
        " ", " lead", "trail ", "two  spaces", "tab\there", "line\nfeed", "\r", "quote\"d", "it's", "back\\slash", "\a\u007f", "-option", "--",
        "*", "?", "[a]", "#comment", "!not", ":colon", "$HOME", "%41", "`id`", ";", "&", "a=b",
        Utf8("größe"), Utf8("gro\u0308ße"), Utf8("名前"), Utf8("файл"), Utf8("🦊"), Utf8("\u202eabc"),
        "latin\u00e9", "\u00ff\u00fe", "\u0080", "cut\u00e2\u0082", "\u00c0\u00af", "\u00ed\u00a0\u0080",
    ];

    private readonly Random _random;
    private readonly ArrayBufferWriter<byte> _stream = new();
    private readonly List<(int Mark, SortedDictionary<string, string> Files)> _commits = [];
    private int _mark;

    public RandomHistory(int seed) => _random = new Random(seed);

    /// <summary>Adds commits that each change a little.</summary>
    public RandomHistory Commits(int count)
    {
        for (var i = 0; i < count; i++)
        {
            // Mostly on top of the last, else a branch from one of the last few.
            var parent = _commits.Count == 0 ? -1 : Math.Max(0, _commits.Count - 1 - (Chance(4) ? _random.Next(4) : 0));
            var merged = _commits.Count > 2 && Chance(5) ? _random.Next(_commits.Count) : -1;
            Begin(parent, merged == parent ? -1 : merged);
            var changes = 1 + _random.Next(8);
            for (var change = 0; change < changes; change++)
                Change();
        }

        return this;
    }

    /// <summary>Adds one commit with very many files.</summary>
    public RandomHistory ManyFiles(int count)
    {
        Begin(_commits.Count - 1, merged: -1);
        for (var i = 0; i < count; i++)
            Put($"many/{i % 97}/{NewName()}{i}", Chance(10) ? "100755" : "100644", Encoding.ASCII.GetBytes($"file {i % 5000}\n"));
        return this;
    }

    /// <summary>The whole stream; it leaves the last commit on <c>refs/heads/main</c>.</summary>
    public byte[] ToStream() => [.. _stream.WrittenSpan, .. "done\n"u8];

    private void Begin(int parent, int merged)
    {
        var files = parent < 0 ? new(StringComparer.Ordinal) : new SortedDictionary<string, string>(_commits[parent].Files, StringComparer.Ordinal);
        var time = 1_700_000_000 + (_mark * 61);
        Write($"commit refs/heads/main\nmark :{++_mark}\n");
        Write($"author Ada Lovelace <ada@example.org> {time} +0130\ncommitter Charles Babbage <charles@example.org> {time} -0800\n");
        WriteData(Encoding.UTF8.GetBytes($"Commit {_mark}\n\nWith a body – and more.\n"));
        if (parent >= 0)
            Write($"from :{_commits[parent].Mark}\n");
        else if (_commits.Count > 0)
            throw new InvalidOperationException("Only the first commit has no parent.");
        if (merged >= 0)
            Write($"merge :{_commits[merged].Mark}\n");
        _commits.Add((_mark, files));
    }

    private SortedDictionary<string, string> Files => _commits[^1].Files;

    private void Change()
    {
        switch (_random.Next(14))
        {
            case 0 when Files.Count > 0:
                Remove(Any());
                break;
            case 1 when Files.Count > 0:
                Move("R", Any());
                break;
            case 2 when Folders().ToList() is { Count: > 0 } folders:
                Move("R", folders[_random.Next(folders.Count)]);
                break;
            case 3 when Folders().ToList() is { Count: > 0 } folders:
                Move("C", folders[_random.Next(folders.Count)]);
                break;
            case 4 when Files.FirstOrDefault(file => file.Value == "100644").Key is { } plain:
                Put(plain, "100755", Content());
                break;
            case 5:
                Put(NewPath(), "120000", Encoding.UTF8.GetBytes(Chance(2) ? "/etc/passwd" : "../" + Any()));
                break;
            case 6:
                PutSubmodule(NewPath());
                break;
            case 7 when Files.Count > 0:
                // What was a file may become a directory.
                Put(Any() + "/" + NewName(), "100644", Content());
                break;
            case 8 or 9 when Files.Count > 0:
                Put(Any(), "100644", Content());
                break;
            default:
                Put(NewPath(), "100644", Content());
                break;
        }
    }

    private void Put(string path, string mode, byte[] content)
    {
        Note(path, mode);
        Write($"M {mode} inline {Quoted(path)}\n");
        WriteData(content);
    }

    private void PutSubmodule(string path)
    {
        Note(path, "160000");
        var id = new byte[20];
        _random.NextBytes(id);
        Write($"M 160000 {Convert.ToHexStringLower(id)} {Quoted(path)}\n");
    }

    private void Note(string path, string mode)
    {
        Forget(path);
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
            Files.Remove(path[..slash]);
        Files[path] = mode;
    }

    private void Remove(string path)
    {
        Forget(path);
        Write($"D {Quoted(path)}\n");
    }

    private void Move(string how, string from)
    {
        var to = NewPath();
        // Nothing can be put into itself, nor into what it replaces.
        if (to == from || to.StartsWith(from + "/", StringComparison.Ordinal) || from.StartsWith(to + "/", StringComparison.Ordinal))
            return;
        Write($"{how} {Quoted(from)} {Quoted(to)}\n");
        var moved = Under(from).ToList();
        Forget(to);
        foreach (var (path, mode) in moved)
        {
            if (how == "R")
                Files.Remove(path);
            Note(to + path[from.Length..], mode);
        }
    }

    private void Forget(string path)
    {
        foreach (var (known, _) in Under(path).ToList())
            Files.Remove(known);
    }

    private IEnumerable<KeyValuePair<string, string>> Under(string path) =>
        Files.Where(file => file.Key == path || file.Key.StartsWith(path + "/", StringComparison.Ordinal));

    private IEnumerable<string> Folders() =>
        Files.Keys.Where(path => path.Contains('/', StringComparison.Ordinal)).Select(path => path[..path.LastIndexOf('/')]).Distinct();

    private string Any() => Files.Count == 0 ? "nothing" : Files.Keys.ElementAt(_random.Next(Files.Count));

    private string NewName() => Names[_random.Next(Names.Length)];

    private string NewPath() => string.Join('/', Enumerable.Range(0, 1 + _random.Next(4)).Select(_ => NewName()));

    private byte[] Content()
    {
        switch (_random.Next(20))
        {
            case 0:
                return [];
            case 1:
                var large = new byte[_random.Next(1_000_000, 3_000_000)];
                _random.NextBytes(large);
                return large;
            case 2:
                return Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line that packs well\r\n", _random.Next(20_000))));
            case < 8:
                var binary = new byte[_random.Next(5000)];
                _random.NextBytes(binary);
                return binary;
            default:
                return Encoding.UTF8.GetBytes($"value: {_random.Next(100)}\n");
        }
    }

    private bool Chance(int oneIn) => _random.Next(oneIn) == 0;

    private static string Utf8(string name) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(name));

    private static string Quoted(string path) => "\"" + string.Concat(path.Select(c => c is > ' ' and < '\u007f' and not '"' and not '\\'
        ? c.ToString()
        : "\\" + Convert.ToString(c, 8).PadLeft(3, '0'))) + "\"";

    private void Write(string text) => _stream.Write(Encoding.Latin1.GetBytes(text));

    private void WriteData(byte[] data)
    {
        Write(string.Create(CultureInfo.InvariantCulture, $"data {data.Length}\n"));
        _stream.Write(data);
        Write("\n");
    }
}
