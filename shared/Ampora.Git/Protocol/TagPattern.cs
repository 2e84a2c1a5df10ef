using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>The highest version among the tags that fit a pattern such as <c>tags/v1.*</c>; prereleases only where the pattern has a dash.</summary>
internal sealed class TagPattern : WantedRef
{
    private readonly byte[] _start;
    private readonly byte[] _end;
    private readonly bool _wantsPrereleases;
    private SemanticVersion? _highest;

    public TagPattern(string name)
        : base(name)
    {
        var full = GitRef.PatternOf(name);
        var star = full.IndexOf('*', StringComparison.Ordinal);
        _start = Encoding.UTF8.GetBytes(full[..star]);
        _end = Encoding.UTF8.GetBytes(full[(star + 1)..]);
        _wantsPrereleases = full.Contains('-', StringComparison.Ordinal);
    }

    public override IReadOnlyList<byte[]> Prefixes => [_start];

    // A higher one may always follow.
    public override bool IsSettled => false;

    public override void Offer(in ListedRef listed)
    {
        if (listed.Name.Length < _start.Length + _end.Length || !listed.Name.StartsWith(_start) || !listed.Name.EndsWith(_end))
            return;
        var name = Encoding.UTF8.GetString(listed.Name);
        var tag = name["refs/tags/".Length..];
        if (!SemanticVersion.TryParse(tag.StartsWith('v') ? tag[1..] : tag, out var version) || (version.IsPrerelease && !_wantsPrereleases))
            return;
        // Build metadata does not count; of equal versions the one that sorts last stands, so that every listing gives the same.
        if (_highest is not null && version.CompareTo(_highest) is var order && (order < 0 || (order == 0 && string.CompareOrdinal(name, Best!.RefName) < 0)))
            return;
        _highest = version;
        Best = new Tip(Encoding.ASCII.GetString(listed.Commit), name);
    }
}
