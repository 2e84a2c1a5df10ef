using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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

    /// <summary>A payload of this sender in which values were replaced, left out or repeated; it stays JSON.</summary>
    public static Gen<byte[]> Reshaped(string provider) =>
        from original in Gen.Elements(Originals(provider))
        from changes in Gen.ArrayOf(Gen.Choose(0, int.MaxValue - 1).Two(), 4)
        from count in Gen.Choose(1, 4)
        select Reshape(original, changes.Take(count));

    /// <summary>A payload of this sender in which a few bytes were changed, left out, repeated, moved or cut off.</summary>
    public static Gen<byte[]> Damaged(string provider) =>
        from original in Gen.Elements(Originals(provider))
        from changes in Gen.ArrayOf(Gen.Choose(0, int.MaxValue - 1).Four(), 3)
        from count in Gen.Choose(1, 3)
        select changes.Take(count).Aggregate(original, Damage);

    /// <summary>Addresses of every form, every third of them with something put into it somewhere, and texts of any kind.</summary>
    public static Gen<string> Addresses
    {
        get
        {
            var address = from start in Gen.Elements("https://", "https://", "http://", "ssh://git@", "ssh://", "git://", "git+ssh://", "https://user:password@", "", "HTTPS://")
                          from host in Gen.Elements("github.com", "GitHub.com.", "ssh.github.com", "altssh.gitlab.com", "bitbucket.acme.org", "dev.azure.com", "acme.visualstudio.com", "ssh.dev.azure.com", "[::1]", "é.example")
                          from port in Gen.Elements("", "", "", ":22", ":443", ":80", ":8443")
                          from path in Gen.OneOf(Gen.Elements(Paths), Gen.ArrayOf(Gen.Elements(Segments)).Resize(6).Select(segments => string.Join('/', segments)))
                          from end in Gen.Elements("", "", ".git", "/", ".git/", "?x=/y", "#z", "/browse")
                          select start.Length == 0 ? $"git@{host}:{path}{end}" : $"{start}{host}{port}/{path}{end}";
            var spoilt = from text in address
                         from piece in Gen.Elements(Pieces)
                         from place in Gen.Choose(0, int.MaxValue - 1)
                         select text.Insert(place % (text.Length + 1), piece);
            return Gen.Frequency(
                (6, address), (3, spoilt), (1, Gen.ArrayOf(Gen.Elements(Pieces)).Resize(10).Select(pieces => string.Concat(pieces))), (1, ArbMap.Default.GeneratorFor<string>().Select(text => text ?? "")));
        }
    }

    /// <summary>Holds something against what is made up; a failure prints the seed that makes it up again.</summary>
    public static void Holds<T>(Gen<T> values, Action<T> check, int tests = 1000) =>
        Prop.ForAll(values.ToArbitrary(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(tests).WithEndSize(200).WithQuietOnSuccess(true));

    private static string[] Segments => ["acme", "fleet", "Web%20Shop", "~gopher", "scm", "projects", "repos", "users", "_git", "_full", "DefaultCollection", "v3", "d%C3%A9", "100%25", "x.git"];

    private static string[] Paths =>
    [
        "acme/fleet", "group/sub/fleet", "acme/shop/_git/fleet", "acme/_git/fleet", "_git/fleet", "shop/_git/fleet", "DefaultCollection/shop/_git/fleet", "acme/shop/_git/_full/fleet", "v3/acme/shop/fleet",
        "scm/PRJ/fleet", "context/scm/PRJ/fleet", "projects/PRJ/repos/fleet", "context/projects/PRJ/repos/fleet", "users/gopher/repos/fleet", "prj/fleet",
    ];

    // Besides the real ones, and instead of them where they are absent.
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
            Gen.Choose(0, 100).Select(length => length < 95 ? length : 50 * length).Select(length => JsonSerializer.Serialize("refs/heads/" + new string('x', length))),
            Gen.Choose(0, int.MaxValue - 1).Select(number => number.ToString(CultureInfo.InvariantCulture)));
        return size <= 1
            ? scalar
            : Gen.OneOf(scalar, Objects(size), Gen.ArrayOf(Values(size / 2)).Resize(Math.Min(size, 6)).Select(values => "[" + string.Join(',', values) + "]"));
    }

    private static byte[][] Originals(string provider)
    {
        var folder = provider == Senders.Forgejo ? Senders.Gitea : provider;
        return [.. RealPayloads.All.Where(name => name.StartsWith(folder + '/', StringComparison.Ordinal)).Select(RealPayloads.Read), .. Written.Select(Encoding.UTF8.GetBytes)];
    }

    private static byte[] Reshape(byte[] original, IEnumerable<(int Where, int What)> changes)
    {
        var root = JsonNode.Parse(original)!.AsObject();
        foreach (var (where, what) in changes)
        {
            List<JsonNode> parents = [.. Below(root).Where(node => node is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })];
            if (parents.Count == 0)
                break;
            // Those near the top are what readers look at; commits and people are many and deep.
            var parent = parents[where % Math.Min(parents.Count, 25)];
            string[] values = ["null", "{}", "[]", "\"boom\"", "7", "true", "[null,{},[],7]", "\"\\u0000\"", "{\"a\":{\"b\":[]}}", .. Texts.Select(text => JsonSerializer.Serialize(text))];
            var value = JsonNode.Parse(values[what % values.Length]);
            if (parent is JsonArray array)
                array[where / 31 % array.Count] = value;
            else if (what % 5 == 0)
                ((JsonObject)parent).Remove(((JsonObject)parent).ElementAt(where / 31 % parent.AsObject().Count).Key);
            else
                ((JsonObject)parent)[((JsonObject)parent).ElementAt(where / 31 % parent.AsObject().Count).Key] = value;
        }

        return Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    private static IEnumerable<JsonNode> Below(JsonNode root)
    {
        var waiting = new Queue<JsonNode>([root]);
        while (waiting.TryDequeue(out var node))
        {
            yield return node;
            foreach (var child in node is JsonObject members ? members.Select(member => member.Value) : node is JsonArray elements ? elements : [])
            {
                if (child is not null)
                    waiting.Enqueue(child);
            }
        }
    }

    private static byte[] Damage(byte[] bytes, (int Kind, int Where, int Length, int With) change)
    {
        if (bytes.Length == 0)
            return bytes;
        var at = change.Where % bytes.Length;
        var end = Math.Min(bytes.Length, at + (change.Length % 40));
        string[] put = ["null", "{}", "[]", "\"boom\"", "{", "}", "\"", "\\", ",", ":", "7", "\\ud800"];
        return (change.Kind % 9) switch
        {
            0 => [.. bytes[..at], (byte)change.With, .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], .. bytes[end..]],
            2 => [.. bytes[..end], .. bytes[at..]],
            3 => [.. bytes[..at], .. Encoding.UTF8.GetBytes(put[change.With % put.Length]), .. bytes[end..]],
            4 => bytes[..at],
            5 => [.. bytes[at..], .. bytes[..at]],
            // Mostly within a text, where it still is JSON.
            _ => [.. bytes[..at], (byte)('a' + (change.With % 26)), .. bytes[(at + 1)..]],
        };
    }
}
