using System.Text;
using System.Text.RegularExpressions;

namespace Ampora.Git.Protocol;

/// <summary>
/// The highest version among the tags that fit a pattern such as <c>tags/v1.*</c>, or <c>tags/web/v1.*</c> where one repository has versions of several things;
/// prereleases only where the pattern has a dash in its version.
/// </summary>
internal sealed partial class TagPattern : WantedRef
{
    private const string Tags = "refs/tags/";

    private readonly byte[] _start;
    private readonly byte[] _end;
    private readonly int _versionStart;
    private readonly bool _wantsPrereleases;
    private SemanticVersion? _highest;

    public TagPattern(string name)
        : base(name)
    {
        var full = GitRef.PatternOf(name);
        var star = full.IndexOf('*', StringComparison.Ordinal);
        _start = Encoding.UTF8.GetBytes(full[..star]);
        _end = Encoding.UTF8.GetBytes(full[(star + 1)..]);
        // What stands before the version is a name, whose dashes are no prerelease's.
        var start = full[..star];
        _versionStart = VersionInFront().Match(start, Tags.Length) is { Success: true } begun ? begun.Index : start.Length;
        _wantsPrereleases = full.AsSpan(_versionStart).Contains('-');
    }

    public override IReadOnlyList<byte[]> Prefixes => [_start];

    // A higher one may always follow.
    public override bool IsSettled => false;

    public override void Offer(in ListedRef listed)
    {
        if (listed.Name.Length < _start.Length + _end.Length || !listed.Name.StartsWith(_start) || !listed.Name.EndsWith(_end))
            return;
        var name = Encoding.UTF8.GetString(listed.Name);
        var tag = name[_versionStart..];
        if (!SemanticVersion.TryParse(tag.StartsWith('v') ? tag[1..] : tag, out var version) || (version.IsPrerelease && !_wantsPrereleases))
            return;
        // Build metadata does not count; of equal versions the one that sorts last stands, so that every listing gives the same.
        if (_highest is not null && version.CompareTo(_highest) is var order && (order < 0 || (order == 0 && string.CompareOrdinal(name, Best!.RefName) < 0)))
            return;
        _highest = version;
        Best = new Tip(Encoding.ASCII.GetString(listed.Commit), name);
    }

    // The part of a version that a pattern begins with, at its end: `v1.` in `web-v1.`, `2.0.0-rc.` in `api/2.0.0-rc.`; possibly nothing, as in `web/`.
    [GeneratedRegex(@"(?<=[/_@-])v?(?:[0-9]+\.[0-9]+\.[0-9]+-[0-9A-Za-z.-]*|[0-9]*(?:\.[0-9]+)*\.?)\z", RegexOptions.CultureInvariant)]
    private static partial Regex VersionInFront();
}
