namespace Ampora.Git.Protocol;

/// <summary>What is looked for in one listing of refs: one ref, or those of several sources at once.</summary>
internal sealed class RefQuery(IReadOnlyCollection<string> names)
{
    // A server may ignore them beyond some number (git: 65,536), and each is compared with each ref.
    private const int MaxPrefixes = 64;

    private readonly WantedRef[] _wanted = [.. names.Select(WantedRef.Of)];
    private byte[][]? _prefixes;

    /// <summary>The commits among what is looked for, which are asked for by themselves where the server can be.</summary>
    public IEnumerable<PinnedCommit> Commits => _wanted.OfType<PinnedCommit>();

    /// <summary>Whether anything is looked for that a list of refs tells.</summary>
    public bool WantsRefs => _wanted.Any(one => one is not PinnedCommit);

    /// <summary>Whether the server gives out any commit of its history, so that a list says nothing about one.</summary>
    public bool ServesAnyCommit { get; set; }

    /// <summary>What to ask the server for; empty for everything.</summary>
    public IReadOnlyList<byte[]> Prefixes => _prefixes ??= FindPrefixes();

    /// <summary>Whether any ref shows that the repository is not empty.</summary>
    public bool SawAny { get; private set; }

    /// <summary>Where HEAD points, if that was told; it may be a branch without commits.</summary>
    public string? DefaultBranch { get; private set; }

    /// <summary>Whether nothing that follows can matter.</summary>
    public bool IsSettled
    {
        get
        {
            foreach (var one in _wanted)
            {
                if (!one.IsSettled)
                    return false;
            }

            return true;
        }
    }

    /// <summary>Whether every ref has been found.</summary>
    public bool IsComplete
    {
        get
        {
            foreach (var one in _wanted)
            {
                if (one.Best is null && one is not PinnedCommit)
                    return false;
            }

            return true;
        }
    }

    /// <summary>Takes a ref of the list.</summary>
    public void Offer(in ListedRef listed)
    {
        if (listed.Name.SequenceEqual("capabilities^{}"u8))
            return;
        SawAny = true;
        if (!listed.Target.IsEmpty && listed.Name.SequenceEqual("HEAD"u8))
            NoteDefaultBranch(listed.Target);
        foreach (var one in _wanted)
            one.Offer(listed);
    }

    /// <summary>Takes where HEAD points.</summary>
    public void NoteDefaultBranch(ReadOnlySpan<byte> target) => DefaultBranch = Readable.Line(target);

    /// <summary>Takes whether the server gives out a commit.</summary>
    public void NoteCommit(PinnedCommit commit, bool granted)
    {
        SawAny = true;
        if (granted)
            commit.Grant();
    }

    /// <summary>Takes what a listing of everything told of the whole.</summary>
    public void NoteOverview(RefQuery everything)
    {
        SawAny |= everything.SawAny;
        DefaultBranch ??= everything.DefaultBranch;
    }

    /// <summary>What was found for one of the names.</summary>
    /// <exception cref="GitException">It is not there.</exception>
    public Tip TipOf(string name)
    {
        var one = Array.Find(_wanted, candidate => candidate.Name == name) ?? throw new ArgumentException("Nobody looked for it.", nameof(name));
        return one.Best ?? (one is PinnedCommit && SawAny && ServesAnyCommit ? new Tip(name, name) : throw Missing(one));
    }

    private GitException Missing(WantedRef one)
    {
        if (!SawAny)
            return new GitException("empty_repository", "The repository has no commits yet.", "Push a commit; it is found by the next check.");
        var known = DefaultBranch is null ? "" : $"; the default branch is {DefaultBranch}";
        return one switch
        {
            TagPattern => new GitException(
                "ref_not_found",
                $"The repository has no tag that is a version and fits {one.Name}.",
                "Push a tag such as v1.2.3 that fits, or correct the pattern; prereleases count only where the pattern itself has a dash, as in tags/v2.0.0-rc.*."),
            PinnedCommit => new GitException(
                "ref_not_found",
                $"The repository has no commit {one.Name} that its host gives out.",
                "Check the id; a commit that no branch or tag holds any more is soon gone, so push a tag to it and follow that."),
            { Name: "HEAD" } => new GitException(
                "ref_not_found",
                DefaultBranch is null ? "The repository has no HEAD." : $"The repository's HEAD points to {DefaultBranch}, which has no commits.",
                "Set the default branch to one that exists, at the Git host, or follow a branch by its name."),
            _ => new GitException("ref_not_found", $"The repository has no ref {one.Name}.", $"Check the spelling, or push the branch{known}."),
        };
    }

    private byte[][] FindPrefixes()
    {
        var prefixes = new List<byte[]>();
        foreach (var one in _wanted)
            prefixes.AddRange(one.Prefixes);
        return prefixes.Count > MaxPrefixes ? [] : [.. prefixes];
    }
}
