using Ampora.Git;
using Ampora.Wakeups;

namespace Ampora.Sweeper;

/// <summary>What a source's ref turned out to be the last time, compared with now.</summary>
internal static class ResolvedRef
{
    private const string Branches = "refs/heads/";

    private const string Tags = "refs/tags/";

    /// <summary>Whether the source names a commit that these settings have brought already: it never moves, so nobody is asked for it again.</summary>
    public static bool IsSettled(Claim claim) => claim.TipSha == claim.Ref && claim.TipRef == claim.Ref && GitRef.IsCommit(claim.Ref);

    /// <summary>
    /// Refuses a short name that was a branch and is a tag now, or the other way round: that is another thing of the same name, which nobody has decided to follow.
    /// </summary>
    /// <exception cref="GitException"><c>ref_kind_changed</c>.</exception>
    public static void CheckKind(Claim claim, Tip tip)
    {
        if (claim.TipRef is not { } known || known == tip.RefName || claim.Ref == "HEAD" || claim.Ref.StartsWith("refs/", StringComparison.Ordinal)
            || GitRef.IsPattern(claim.Ref) || KindOf(known) is not { } was || KindOf(tip.RefName) is not { } now || was == now)
        {
            return;
        }

        throw new GitException(
            "ref_kind_changed",
            $"{claim.Ref} was the {was} {known}, and is the {now} {tip.RefName} now.",
            $"If that is meant, write the full name {tip.RefName} as the source's ref; if not, give the repository the {was} back, or write {known}.");
    }

    private static string? KindOf(string refName) =>
        refName.StartsWith(Branches, StringComparison.Ordinal) ? "branch" : refName.StartsWith(Tags, StringComparison.Ordinal) ? "tag" : null;
}
