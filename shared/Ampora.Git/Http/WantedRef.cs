using System.Text;

namespace Ampora.Git.Http;

/// <summary>The ref that is looked for in a list of refs, which may name many others, and those that only begin alike.</summary>
internal sealed class WantedRef(string name)
{
    private readonly string[] _raw = [.. GitRef.Candidates(name).Select(candidate => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(candidate)))];
    private int _rank = int.MaxValue;

    public string Name => name;

    /// <summary>The full names that the name may stand for, best first.</summary>
    public IReadOnlyList<string> Candidates { get; } = GitRef.Candidates(name);

    /// <summary>Whether any ref shows that the repository is not empty.</summary>
    public bool SawAny { get; private set; }

    /// <summary>Whether one ref of whatever name is enough.</summary>
    public bool StopsAtFirst { get; init; }

    /// <summary>The best found so far.</summary>
    public Tip? Best { get; private set; }

    /// <summary>Whether nothing better can follow.</summary>
    public bool IsSettled => _rank == 0 || (StopsAtFirst && SawAny);

    /// <summary>Takes a ref of the list.</summary>
    /// <param name="sha">What it points at.</param>
    /// <param name="refName">Its full name, each char one byte, as all text here.</param>
    /// <param name="peeled">For an annotated tag, the commit.</param>
    /// <param name="target">For a symbolic ref, the ref it points to.</param>
    public void Offer(string sha, string refName, string? peeled, string? target)
    {
        if (refName == "capabilities^{}")
            return;
        SawAny = true;
        for (var rank = 0; rank < Candidates.Count && rank < _rank; rank++)
        {
            if (_raw[rank] == refName)
            {
                _rank = rank;
                Best = new Tip(peeled ?? sha, target is not null && refName == "HEAD" ? Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(target)) : Candidates[rank]);
                return;
            }
        }
    }
}
