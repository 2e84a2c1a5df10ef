using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>A line of a list of refs; valid until the next is read.</summary>
internal readonly ref struct ListedRef
{
    /// <summary>What it points at, hexadecimal, of the length that the repository's ids have.</summary>
    public required ReadOnlySpan<byte> Id { get; init; }

    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>The commit of an annotated tag; empty for another ref.</summary>
    public ReadOnlySpan<byte> Peeled { get; init; }

    /// <summary>The ref that a symbolic ref points to; empty for another.</summary>
    public ReadOnlySpan<byte> Target { get; init; }

    /// <summary>The commit, as far as the list tells.</summary>
    public ReadOnlySpan<byte> Commit => Peeled.IsEmpty ? Id : Peeled;
}

/// <summary>A ref that is looked for in a list of refs, which may name many others, and those that only begin alike.</summary>
internal abstract class WantedRef(string name)
{
    /// <summary>As the source names it.</summary>
    public string Name => name;

    /// <summary>What the names begin with that matter, UTF-8.</summary>
    public abstract IReadOnlyList<byte[]> Prefixes { get; }

    /// <summary>Whether nothing better can follow.</summary>
    public abstract bool IsSettled { get; }

    /// <summary>The best found so far.</summary>
    public Tip? Best { get; protected set; }

    /// <summary>Makes what looks for a source's ref, which must be valid.</summary>
    public static WantedRef Of(string name) =>
        GitRef.IsCommit(name) ? new PinnedCommit(name)
        : GitRef.IsPattern(name) ? new TagPattern(name)
        : new NamedRef(name);

    /// <summary>Takes a ref of the list.</summary>
    public abstract void Offer(in ListedRef listed);
}

/// <summary>One ref by its name, which may be short for several.</summary>
internal sealed class NamedRef(string name) : WantedRef(name)
{
    private readonly IReadOnlyList<string> _candidates = GitRef.Candidates(name);
    private readonly byte[][] _raw = [.. GitRef.Candidates(name).Select(Encoding.UTF8.GetBytes)];
    private int _rank = int.MaxValue;

    public override IReadOnlyList<byte[]> Prefixes => _raw;

    public override bool IsSettled => _rank == 0;

    public override void Offer(in ListedRef listed)
    {
        for (var rank = 0; rank < _raw.Length && rank < _rank; rank++)
        {
            if (!listed.Name.SequenceEqual(_raw[rank]))
                continue;
            _rank = rank;
            var pointsOn = !listed.Target.IsEmpty && listed.Name.SequenceEqual("HEAD"u8);
            Best = new Tip(Encoding.ASCII.GetString(listed.Commit), pointsOn ? Encoding.UTF8.GetString(listed.Target) : _candidates[rank]);
            return;
        }
    }
}

/// <summary>A commit by its id: any ref that points at it shows that the host has it.</summary>
internal sealed class PinnedCommit(string name) : WantedRef(name)
{
    private readonly byte[] _id = Encoding.ASCII.GetBytes(name);

    public override IReadOnlyList<byte[]> Prefixes => [];

    public override bool IsSettled => Best is not null;

    public override void Offer(in ListedRef listed)
    {
        if (listed.Commit.SequenceEqual(_id))
            Grant();
    }

    /// <summary>Takes that the host gives it out.</summary>
    public void Grant() => Best = new Tip(Name, Name);
}
