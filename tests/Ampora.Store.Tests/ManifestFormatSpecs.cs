using System.Globalization;
using System.IO.Compression;
using System.Text;
using Ampora.Store.Snapshots;

namespace Ampora.Store.Tests;

/// <summary>What was written is read, and any other bytes end in the one error that says so.</summary>
public sealed class ManifestFormatSpecs
{
    [Fact]
    public void Any_tree_is_read_as_it_was_written()
    {
        var random = new Random(20261122);
        for (var round = 0; round < 200; round++)
        {
            var manifest = Tree(random);
            Assert.Equal(manifest.Entries, Read(Bytes(manifest)));
        }
    }

    [Fact]
    public void Any_other_bytes_end_in_the_error_that_says_so_and_take_no_memory()
    {
        var random = new Random(4);
        var (damaged, before) = (0, GC.GetAllocatedBytesForCurrentThread());
        for (var round = 0; round < 10_000; round++)
        {
            try
            {
                foreach (var entry in Read(Damage(Bytes(Tree(random)), random)))
                    Assert.NotNull(entry.Path);
            }
            catch (InvalidDataException)
            {
                damaged++;
            }
        }

        Assert.InRange(damaged, 5_000, 10_000);
        // A damaged length that was believed would take up to two gigabytes at once.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8L * 1024 * 1024 * 1024);
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 2 })]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 1, 0x78, 0x9c })]
    public void What_is_no_manifest_is_refused(byte[] bytes) => Assert.Throws<InvalidDataException>(() => Read(bytes).Count());

    private static IEnumerable<ManifestEntry> Read(byte[] bytes) => ManifestReader.Read(new MemoryStream(bytes));

    private static byte[] Bytes(Manifest manifest)
    {
        using var bytes = new MemoryStream();
        ManifestFormat.Write(manifest, bytes);
        return bytes.ToArray();
    }

    // The content as well as the compressed form: a change of the latter rarely gets past its checksum.
    private static byte[] Damage(byte[] bytes, Random random)
    {
        if (random.Next(3) == 0)
            return Change(bytes, random);
        using var content = new MemoryStream();
        using (var compressed = new ZLibStream(new MemoryStream(bytes, 1, bytes.Length - 1), CompressionMode.Decompress))
            compressed.CopyTo(content);
        using var damaged = new MemoryStream();
        damaged.WriteByte(bytes[0]);
        using (var compressed = new ZLibStream(damaged, CompressionLevel.Fastest, leaveOpen: true))
            compressed.Write(Change(content.ToArray(), random));
        return damaged.ToArray();
    }

    private static byte[] Change(byte[] bytes, Random random)
    {
        var list = bytes.ToList();
        for (var i = random.Next(1, 4); i > 0 && list.Count > 0; i--)
        {
            var at = random.Next(list.Count);
            switch (random.Next(4))
            {
                case 0: list[at] = (byte)random.Next(256); break;
                case 1: list.RemoveAt(at); break;
                case 2: list.Insert(at, 0xff); break;
                default: list.RemoveRange(at, list.Count - at); break;
            }
        }

        return [.. list];
    }

    private static Manifest Tree(Random random)
    {
        var path = "";
        var entries = new List<ManifestEntry>();
        for (var i = random.Next(8); i > 0; i--)
        {
            path = path[..random.Next(path.Length + 1)] + string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => (char)random.Next(1, 256)));
            var mode = ((string[])["100644", "40000", "040000", "160000", "120000"])[random.Next(5)];
            var id = new StringBuilder();
            for (var digits = random.Next(2) == 0 ? 5 : 8; digits > 0; digits--)
                id.Append(random.Next().ToString("x8", CultureInfo.InvariantCulture));
            entries.Add(new ManifestEntry(path, mode, id.ToString(), random.Next(3) == 0 ? null : random.NextInt64(1L << 40)));
        }

        return new Manifest(entries);
    }
}
