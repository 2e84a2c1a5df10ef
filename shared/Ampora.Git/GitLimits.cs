using System.ComponentModel.DataAnnotations;
using Ampora.Git.Http;

namespace Ampora.Git;

/// <summary>Limits on what a Git server may make a check cost, and where Git connections may go. Settings <c>Ampora__Git__…</c>.</summary>
public sealed class GitLimits
{
    /// <summary>Reading a tip ends after this: the host answers in milliseconds or is not well.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan TipDeadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A fetch, with storing what it brings, ends after this.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FetchDeadline { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>A connection that is not made by then will not be: a firewall drops what it forbids.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan ConnectDeadline { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How many commits back a fast-forward is searched for; a longer push counts as forced.</summary>
    [Range(1, 100_000)]
    public int AncestryDepth { get; set; } = 1000;

    /// <summary>Bytes of a list of refs: room for all that may be in it, with long names. It is read as a stream and never kept.</summary>
    [Range(65_536, long.MaxValue)]
    public long RefListBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>Refs that one listing may have: more than any real repository lists, and what is read well within the deadline.</summary>
    [Range(1, int.MaxValue)]
    public int Refs { get; set; } = 2_000_000;

    /// <summary>Objects that one fetch may bring: eight for each file that a tree may have, and an index of them takes memory.</summary>
    [Range(1, int.MaxValue)]
    public int PackObjects { get; set; } = 2_000_000;

    /// <summary>
    /// Requests to one host at once, tip checks and fetches together: what a host of a team serves without being slower for people. Those that take longer than a few
    /// seconds come on top, at most as many again, so that a repository that hangs holds none beside it.
    /// </summary>
    [Range(1, 1024)]
    public int RequestsPerHost { get; set; } = 8;

    /// <summary>Requests that one host gets in a second.</summary>
    [Range(1, 100_000)]
    public int RequestsPerHostPerSecond { get; set; } = 100;

    /// <summary>
    /// An HTTP proxy that all connections to Git hosts go through, <c>http://[user:password@]host:port</c>; empty for none. It is trusted, wherever it is.
    /// </summary>
    [ProxyAddress]
    public string Proxy { get; set; } = "";

    /// <summary>Hosts that are reached without the proxy: names, with all below them, or addresses; separated by commas.</summary>
    public string NoProxy { get; set; } = "";

    /// <summary>Bytes that one fetch may transfer: what a repository of configuration never has at one commit.</summary>
    [Range(65_536, long.MaxValue)]
    public long PackBytes { get; set; } = 1024L * 1024 * 1024;

    /// <summary>Files and directories of a tree; each is held in memory while the tree is compared.</summary>
    [Range(1, 10_000_000)]
    public int TreeEntries { get; set; } = 250_000;

    /// <summary>Bytes of one file: what a repository of configuration never has.</summary>
    [Range(1, 2L * 1024 * 1024 * 1024)]
    public long FileBytes { get; set; } = 100L * 1024 * 1024;

    /// <summary>
    /// Bytes of memory that each <c>git</c> and <c>ssh</c> may have: room for the largest file that the host sends as a difference to another. Larger ones go through in pieces.
    /// </summary>
    [Range(64L * 1024 * 1024, 64L * 1024 * 1024 * 1024)]
    public long ChildMemoryBytes { get; set; } = 320L * 1024 * 1024;

    /// <summary>Bytes of all different files of a tree together, unpacked: a small pack can hold very much of nothing.</summary>
    [Range(1, long.MaxValue)]
    public long TreeBytes { get; set; } = 16L * 1024 * 1024 * 1024;

    /// <summary>Bytes of a path: what Linux allows.</summary>
    [Range(1, 65_536)]
    public int PathBytes { get; set; } = 4096;

    /// <summary>
    /// Bytes of all paths of a tree together, each held in memory while the tree is compared: a few objects can make a quarter of a million
    /// paths of the greatest length.
    /// </summary>
    [Range(1, 1024L * 1024 * 1024)]
    public long TreePathBytes { get; set; } = 32L * 1024 * 1024;

    /// <summary>How deep directories may nest.</summary>
    [Range(1, 4096)]
    public int TreeDepth { get; set; } = 256;

    /// <summary>Networks that Git hosts may be in although they are denied by default, such as <c>127.0.0.0/8</c>; separated by commas.</summary>
    [Networks]
    public string AllowedNetworks { get; set; } = "";

    /// <summary>Networks that no Git connection goes to, whatever else is allowed; separated by commas.</summary>
    [Networks]
    public string DeniedNetworks { get; set; } = "";
}
