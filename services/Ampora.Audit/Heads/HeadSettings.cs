using System.ComponentModel.DataAnnotations;

namespace Ampora.Audit.Heads;

/// <summary>Where and how often the head of the chain is exported. Settings <c>Ampora__Audit__…</c>.</summary>
internal sealed class HeadSettings
{
    /// <summary>
    /// The file that takes a line for each head that is exported, best on another disk than the database's, or where other people keep it. Without one, heads
    /// are logged only.
    /// </summary>
    public string? HeadFile { get; set; }

    /// <summary>How often. Whoever rewrites the log goes unnoticed for as long; a line a minute fills the file in a hundred days.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan HeadInterval { get; set; } = TimeSpan.FromHours(1);
}
