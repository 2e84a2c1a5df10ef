using System.Text;

namespace Ampora.TestServers.Hostile;

/// <summary>Commits that are small to send and large to take in.</summary>
public static class HostilePacks
{
    private const long MebiByte = 1024 * 1024;

    /// <summary>One file of 2 GiB of zeros, in two megabytes.</summary>
    public static (string Sha, byte[] Pack) HugeBlob()
    {
        var pack = new PackWriter();
        var blob = pack.AddZeros(2048 * MebiByte);
        return Commit(pack, PackWriter.TreeEntry("100644", "huge.bin", blob));
    }

    /// <summary>A million different files, in a thousand directories.</summary>
    public static (string Sha, byte[] Pack) MillionFiles()
    {
        const int thousand = 1000;
        var pack = new PackWriter();
        var root = new List<byte>();
        for (var folder = 0; folder < thousand; folder++)
        {
            var tree = new List<byte>();
            for (var file = 0; file < thousand; file++)
                tree.AddRange(PackWriter.TreeEntry("100644", $"{file:d3}.yaml", pack.Add("blob", Encoding.ASCII.GetBytes($"{folder}/{file}\n"))));
            root.AddRange(PackWriter.TreeEntry("40000", $"{folder:d3}", pack.Add("tree", [.. tree])));
        }

        return Commit(pack, [.. root]);
    }

    /// <summary>A file of 60 GiB: a copy of a copy of a copy of zeros, in a few kilobytes.</summary>
    public static (string Sha, byte[] Pack) DeltaBomb()
    {
        var pack = new PackWriter();
        const long zeros = 16 * MebiByte;
        var grown = pack.AddCopies(pack.AddZeros(zeros), zeros, copies: 4);
        pack.AddCopies(PackWriter.IdOfZeros(grown), grown, copies: 4096);
        return Commit(pack, PackWriter.TreeEntry("100644", "bomb.bin", new string('b', 40)));
    }

    private static (string Sha, byte[] Pack) Commit(PackWriter pack, byte[] tree)
    {
        var sha = pack.AddCommit(pack.Add("tree", tree));
        return (sha, pack.ToArray());
    }
}
