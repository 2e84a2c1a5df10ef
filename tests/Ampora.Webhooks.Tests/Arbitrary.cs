using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Ampora.Webhooks.Tests;

/// <summary>What strangers might send: bytes of any kind, JSON that nearly is a payload, and real payloads that something has happened to.</summary>
internal static class Arbitrary
{
    // Every name that a reader looks for, so that what is made up gets past the first of them.
    private static readonly string[] Names =
    [
        "ref", "ref_type", "after", "sha", "deleted", "head_commit", "id", "master_branch", "default_branch", "repository", "clone_url", "ssh_url", "html_url", "full_name", "object_kind", "event_name",
        "checkout_sha", "changes", "project", "git_http_url", "git_ssh_url", "web_url", "homepage", "path_with_namespace", "push", "new", "old", "type", "name", "target", "hash", "links", "html", "href",
        "mainbranch", "eventKey", "test", "refLimitExceeded", "refId", "toHash", "displayId", "slug", "key", "clone", "self", "eventType", "publisherId", "resource", "refUpdates", "newObjectId", "remoteUrl",
        "webUrl", "sshUrl", "url", "defaultBranch", "refUpdate", "refName", "newRev", "other",
    ];

    private static readonly string[] Texts =
    [
        "refs/heads/main", "refs/tags/v1", "main", "refs/changes/1/2", "refs/", "push", "tag_push", "repository_update", "git.push", "ref-updated", "tag", "DELETE", "repo:refs_changed", "diagnostics:ping",
        "https://github.com/acme/fleet.git", "git@github.com:acme/fleet.git", "ssh://git@host:7999/prj/fleet.git", "https://dev.azure.com/acme/_apis/git/repositories/1", "https://host/projects/PRJ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0000000000000000000000000000000000000000", "", "\r\n", "\u202e", "\0",
    ];

    /// <summary>Pieces that addresses are made of, right and wrong.</summary>
    private static readonly string[] Pieces =
    [
        "https://", "http://", "ssh://", "git://", "git+ssh://", "git@", "user:password@", "@", ":", "::", ":22", ":443", ":8443", ":0", ":99999", "/", "//", ".", "..", ".git", "github.com", "GitHub.com.", "ssh.github.com",
        "altssh.", "bitbucket.org", "dev.azure.com", "acme.visualstudio.com", "ssh.dev.azure.com", "v3", "_git", "_ssh", "_full", "DefaultCollection", "scm", "projects", "repos", "users", "browse", "acme", "fleet", "~gopher",
        "%20", "%2f", "%2F", "%00", "%", "%zz", "%C3%A9", "%ff", "é", "\ud800", "\u202e", "\n", " ", "\\", "?", "#", "[", "]", "[::1]", "*", "xn--", "-",
    ];

    public static Gen<byte[]> Bytes => Gen.ArrayOf(Gen.Choose(0, 255).Select(value => (byte)value));

    /// <summary>JSON whose names and texts are those of payloads, put together anyhow.</summary>
    public static Gen<byte[]> Json => Gen.Sized(size => Objects(Math.Min(size, 40))).Select(Encoding.UTF8.GetBytes);

    /// <summary>A real payload in which some bytes were changed, left out, repeated, moved or cut off.</summary>
    public static Gen<byte[]> Mutated
    {
        get
        {
            byte[][] originals = [.. RealPayloads.All.Select(RealPayloads.Read), .. Written.Select(Encoding.UTF8.GetBytes)];
            return from original in Gen.Elements(originals)
                   from changes in Gen.ArrayOf(Gen.Choose(0, int.MaxValue - 1).Four())
                   select changes.Take(20).Aggregate(original, Mutate);
        }
    }

    public static Gen<string> Addresses => Gen.OneOf(
        Gen.ArrayOf(Gen.Elements(Pieces)).Select(pieces => string.Concat(pieces)),
        // A good beginning, so that more than the first check is reached.
        Gen.ArrayOf(Gen.Elements(Pieces)).Select(pieces => "https://" + string.Join('/', pieces.Select(piece => piece.Trim('/')))),
        ArbMap.Default.GeneratorFor<string>().Select(text => text ?? ""));

    /// <summary>Holds something against what is made up; a failure prints the seed that makes it up again.</summary>
    public static void Holds<T>(Gen<T> values, Action<T> check, int tests = 1000) =>
        Prop.ForAll(values.ToArbitrary(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(tests).WithEndSize(200));

    // Without the real ones there are these.
    private static string[] Written =>
    [
        """{"ref":"refs/heads/main","after":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","repository":{"clone_url":"https://github.com/acme/fleet.git","default_branch":"main"}}""",
        """{"object_kind":"push","ref":"refs/heads/main","project":{"git_http_url":"https://gitlab.com/acme/fleet.git"}}""",
        """{"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},"old":null}]},"repository":{"links":{"html":{"href":"https://bitbucket.org/a/b"}}}}""",
        """{"changes":[{"refId":"refs/heads/main","type":"UPDATE"}],"repository":{"slug":"fleet","project":{"key":"PRJ"},"links":{"clone":[{"href":"https://bb.acme.org/scm/prj/fleet.git"}]}}}""",
        """{"eventType":"git.push","publisherId":"tfs","resource":{"refUpdates":[{"name":"refs/heads/main"}],"repository":{"remoteUrl":"https://dev.azure.com/a/b/_git/c"}}}""",
        """{"type":"ref-updated","refUpdate":{"refName":"refs/heads/main","project":"fleet"}}""",
    ];

    private static Gen<string> Objects(int size) =>
        from members in Gen.ArrayOf(from name in Gen.Elements(Names) from value in Values(size / 2) select $"\"{name}\":{value}").Resize(Math.Min(size, 8))
        select "{" + string.Join(',', members) + "}";

    private static Gen<string> Values(int size)
    {
        var scalar = Gen.OneOf(
            Gen.Elements("null", "true", "false", "0", "-1.5e300", "\"\\ud800\"", "\"\\u0000\""),
            Gen.Elements(Texts).Select(text => JsonSerializer.Serialize(text)),
            Gen.Choose(0, 5000).Select(length => JsonSerializer.Serialize("refs/heads/" + new string('x', length))),
            Gen.Choose(0, int.MaxValue - 1).Select(number => number.ToString(CultureInfo.InvariantCulture)));
        return size <= 1
            ? scalar
            : Gen.OneOf(scalar, Objects(size), Gen.ArrayOf(Values(size / 2)).Resize(Math.Min(size, 6)).Select(values => "[" + string.Join(',', values) + "]"));
    }

    private static byte[] Mutate(byte[] bytes, (int Kind, int Where, int Length, int With) change)
    {
        if (bytes.Length == 0)
            return bytes;
        var at = change.Where % bytes.Length;
        var end = Math.Min(bytes.Length, at + (change.Length % 40));
        string[] put = ["null", "{}", "[]", "\"boom\"", "{", "}", "\"", "\\", ",", ":", "7", "\\ud800"];
        return (change.Kind % 6) switch
        {
            0 => [.. bytes[..at], (byte)change.With, .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], .. bytes[end..]],
            2 => [.. bytes[..end], .. bytes[at..]],
            3 => [.. bytes[..at], .. Encoding.UTF8.GetBytes(put[change.With % put.Length]), .. bytes[end..]],
            4 => bytes[..at],
            _ => [.. bytes[at..], .. bytes[..at]],
        };
    }
}
