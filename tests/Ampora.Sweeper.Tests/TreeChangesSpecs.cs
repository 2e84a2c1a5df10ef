using System.Globalization;
using System.Text;
using Ampora.Contracts;
using Ampora.Git.Filtering;
using Ampora.Store.Snapshots;

namespace Ampora.Sweeper.Tests;

public sealed class TreeChangesSpecs
{
    [Fact]
    public void Everything_in_a_first_tree_is_added_and_directories_are_not_mentioned()
    {
        var changes = Between(null, Tree(("a", "40000", "t1"), ("a/x", "100644", "1"), ("link", "120000", "2"), ("module", "160000", "3")));

        Assert.Equal(["added a/x", "added link", "added module"], Said(changes));
        Assert.Equal(new ChangeCounts(3, 0, 0), changes.Counts);
        Assert.False(changes.Truncated);
    }

    [Fact]
    public void Another_mode_or_another_object_is_a_modification()
    {
        var before = Tree(("mode", "100644", "1"), ("module", "160000", "2"), ("same", "100644", "3"), ("text", "100644", "4"), ("was-link", "120000", "5"));
        var after = Tree(("mode", "100755", "1"), ("module", "160000", "9"), ("same", "100644", "3"), ("text", "100644", "8"), ("was-link", "100644", "5"));

        var changes = Between(before, after);

        Assert.Equal(["modified mode", "modified module", "modified text", "modified was-link"], Said(changes));
        Assert.Equal(new ChangeCounts(0, 4, 0), changes.Counts);
    }

    [Fact]
    public void Equal_directories_are_skipped_though_other_paths_sort_between_them_and_their_content()
    {
        // Path order: a, a-b, a-b/z, a.txt, a/x — a directory's content does not follow it at once.
        var before = Tree(
            ("a", "40000", "t1"), ("a-b", "40000", "t2"), ("a-b/z", "100644", "1"), ("a.txt", "100644", "2"), ("a/sub", "40000", "t3"), ("a/sub/y", "100644", "4"), ("a/x", "100644", "3"), ("b", "100644", "5"));
        var after = Tree(
            ("a", "40000", "t1"), ("a-b", "40000", "t9"), ("a-b/new", "100644", "7"), ("a-b/z", "100644", "1"), ("a.txt", "100644", "8"), ("a/sub", "40000", "t3"), ("a/sub/y", "100644", "4"), ("a/x", "100644", "3"));

        Assert.Equal(["added a-b/new", "modified a.txt", "removed b"], Said(Between(before, after)));
    }

    [Fact]
    public void A_file_in_the_place_of_a_directory_removes_what_was_in_it()
    {
        var before = Tree(("x", "40000", "t1"), ("x/1", "100644", "1"), ("x/2", "100644", "2"));
        var after = Tree(("x", "100644", "3"));

        Assert.Equal(["added x", "removed x/1", "removed x/2"], Said(Between(before, after)));
        Assert.Equal(["removed x", "added x/1", "added x/2"], Said(Between(after, before)));
    }

    [Fact]
    public void The_list_is_cut_at_its_limit_and_the_counts_are_not()
    {
        var many = Tree([.. Enumerable.Range(0, TreeChanges.MaxListed + 1).Select(i => (i.ToString("D6", CultureInfo.InvariantCulture), "100644", "1"))]);

        var changes = Between(null, many);

        Assert.Equal(TreeChanges.MaxListed, changes.Changes.Count);
        Assert.True(changes.Truncated);
        Assert.Equal(TreeChanges.MaxListed + 1, changes.Counts.Added);
        Assert.False(Between(many, many).Truncated);
    }

    [Fact]
    public void Names_are_shown_as_text_where_they_are_text_and_as_their_bytes_where_they_are_not()
    {
        var utf8 = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes("ünï/✓"));

        Assert.Equal(["added ünï/✓", "added ÿraw"], Said(Between(null, Tree((utf8, "100644", "1"), ("ÿraw", "100644", "2")))));
    }

    [Fact]
    public void Any_two_trees_differ_as_a_plain_comparison_of_their_files_says()
    {
        var random = new Random(20260101);
        for (var round = 0; round < 300; round++)
        {
            var (before, after) = (RandomTree(random), RandomTree(random));
            var (old, fresh) = (Files(before), Files(after));
            var expected = old.Keys.Union(fresh.Keys).Order(StringComparer.Ordinal)
                .Select(path => !fresh.TryGetValue(path, out var now) ? $"removed {path}"
                    : !old.TryGetValue(path, out var was) ? $"added {path}"
                    : was == now ? null : $"modified {path}")
                .OfType<string>();

            Assert.Equal(expected.Order(StringComparer.Ordinal), Said(Between(before, after)).Order(StringComparer.Ordinal));
        }
    }

    private static TreeChanges Between(Manifest? before, Manifest after, PathFilter? filter = null) =>
        TreeChanges.Between(before?.Entries, after.Entries, filter ?? PathFilter.Everything, TestContext.Current.CancellationToken);

    private static Dictionary<string, (string, string)> Files(Manifest tree) =>
        tree.Entries.Where(e => !e.IsDirectory).ToDictionary(e => e.Path, e => (e.Mode, e.ObjectId), StringComparer.Ordinal);

    // Few names and contents, so that directories are often equal, often differ, and often trade places with files.
    private static Manifest RandomTree(Random random)
    {
        var entries = new List<ManifestEntry>();
        Fill("", 0);
        return new Manifest([.. entries.OrderBy(e => e.Path, StringComparer.Ordinal)]);

        string Fill(string prefix, int depth)
        {
            var id = new StringBuilder();
            foreach (var name in (string[])["a", "a-b", "a.c", "a0", "b"])
            {
                switch (random.Next(depth < 2 ? 4 : 3))
                {
                    case 0:
                        break;
                    case 3:
                        var at = entries.Count;
                        var tree = Fill($"{prefix}{name}/", depth + 1);
                        entries.Insert(at, new ManifestEntry(prefix + name, "40000", tree, null));
                        id.Append(name).Append('(').Append(tree).Append(')');
                        break;
                    default:
                        var content = random.Next(2).ToString(CultureInfo.InvariantCulture);
                        entries.Add(new ManifestEntry(prefix + name, "100644", content, 1));
                        id.Append(name).Append(content);
                        break;
                }
            }

            return id.ToString();
        }
    }

    private static IEnumerable<string> Said(TreeChanges changes) => changes.Changes.Select(c => $"{c.Change} {c.Path}");

    private static Manifest Tree(params (string Path, string Mode, string Id)[] entries) =>
        new([.. entries.Select(e => new ManifestEntry(e.Path, e.Mode, e.Id, e.Mode is "40000" or "160000" ? null : 1))]);
}
