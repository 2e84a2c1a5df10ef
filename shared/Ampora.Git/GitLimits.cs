using System.ComponentModel.DataAnnotations;

namespace Ampora.Git;

/// <summary>Limits on what a Git server may make a check cost. Settings <c>Ampora__Git__…</c>.</summary>
public sealed class GitLimits
{
    /// <summary>Reading a tip ends after this: the host answers in milliseconds or is not well.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan TipDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A fetch, with storing what it brings, ends after this.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FetchDeadline { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>How many commits back a fast-forward is searched for; a longer push counts as forced.</summary>
    [Range(1, 100_000)]
    public int AncestryDepth { get; set; } = 1000;
}
