using Ampora.Git.Protocol;

namespace Ampora.Git.Fetching;

/// <summary>What git says on standard error, in words that help.</summary>
internal static class GitErrors
{
    /// <summary>Why a fetch failed, from what git said; null when git's words point at the cache rather than at the repository.</summary>
    public static GitException? Of(string errors, Tip tip)
    {
        // The last one is how JGit (Gerrit) says it.
        if (Says("not our ref") || Says("no such remote ref") || Says("couldn't find remote ref") || Says($"want {tip.Sha} not valid"))
            return Gone(tip);
        if (Says("over limit") || Says("exceeds limit") || Says("ut of memory") || Says("size_t overflow"))
            return TooLarge(errors);
        // git 2.43 and later have a limit of their own, far above Ampora's.
        if (Says("maximum allowed tree depth"))
        {
            return new GitException(
                "limit_exceeded", $"Directories are nested too deep: {Readable.Line(errors)}", "Follow a smaller repository; raising Ampora__Git__TreeDepth does not help here.");
        }

        if (Says("No space left on device"))
            return new GitException("fetch_failed", "There is no space left on the disk for Git's cache.", "Make room where the sweeper keeps its caches.");
        if (Says("fsck") || Says("invalid format") || Says("Broken"))
        {
            return new GitException(
                "fetch_failed",
                $"Git refuses the repository's content: {Readable.Line(errors)}",
                "Mend the named object in the repository: `git fsck` finds it in a clone.");
        }

        return null;

        bool Says(string words) => errors.Contains(words, StringComparison.Ordinal);
    }

    /// <summary>The commit that was to be fetched is not there: no matter for a ref, which has moved on, but for a source that is about this commit alone.</summary>
    public static GitException Gone(Tip tip) => tip.RefName == tip.Sha
        ? new GitException(
            "ref_not_found", $"The repository has no commit {tip.Sha} that its host gives out.", "Check the id; a commit that no branch or tag holds any more is soon gone, so push a tag to it and follow that.")
        : new GitException(
            "tip_moved", $"The Git host no longer has the commit {tip.Sha}.", "It was replaced between reading the tip and fetching it; the next check reads the new one.");

    public static GitException TooLarge(string errors) => new(
        "limit_exceeded",
        $"The repository needs more memory than git may have: {Readable.Line(errors)}",
        "Keep large files elsewhere, or raise Ampora__Git__ChildMemoryBytes and the sweeper's memory.");

    public static GitException TooOld() => new(
        "fetch_failed", "The git program is too old.", "Install git 2.39 or later where the sweeper runs.");

    public static GitException FolderUnusable(Exception cause) => new(
        "fetch_failed",
        $"The folder of Git's caches cannot be used: {Readable.Line(cause.Message)}",
        "Make room on its disk, and let the sweeper write there.",
        cause);

    public static GitException Failed(string errors) => new(
        "fetch_failed", $"git could not fetch: {Readable.Line(errors)}", "It is tried again with a fresh cache; if it stays so, clone the repository by hand to see what is wrong.");
}
