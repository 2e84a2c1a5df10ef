using System.ComponentModel.DataAnnotations;

namespace Ampora.Audit.Retention;

/// <summary>How long the log is kept. Settings <c>Ampora__Retention__…</c>, beside the Scheduler's.</summary>
internal sealed class AuditRetentionSettings : IValidatableObject
{
    /// <summary>
    /// A message is told from its duplicate by the entry that it made. Duplicates come as long as a broker or a backup that is restored holds the message, so
    /// no entry goes sooner; the database refuses it too.
    /// </summary>
    public const int LeastDays = 30;

    private const int MostDays = 36_500;

    /// <summary>Entries are kept for so many days, 30 to 36500; 0 is for ever.</summary>
    public int AuditDays { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (AuditDays is not 0 and (< LeastDays or > MostDays))
            yield return new ValidationResult($"{AuditDays} should be between {LeastDays} and {MostDays}, or 0 for ever.", [nameof(AuditDays)]);
    }
}
