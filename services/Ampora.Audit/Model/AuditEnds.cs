namespace Ampora.Audit.Model;

/// <summary>The end of the chain: one row, whose lock puts every append of every replica in line.</summary>
internal sealed class AuditHead
{
    /// <summary>The key of the only row.</summary>
    public const int OnlyId = 1;

    /// <summary>Always <see cref="OnlyId"/>.</summary>
    public required int Id { get; set; }

    /// <summary>The last entry's id; 0 while there is none.</summary>
    public required long LastId { get; set; }

    /// <summary>The last entry's hash; 32 zero bytes while there is none.</summary>
    public required byte[] Hash { get; set; }
}

/// <summary>The beginning of the chain: one row, that says up to where entries were retired. It moves forward only, to what an entry of the chain declares.</summary>
internal sealed class AuditAnchor
{
    /// <summary>The key of the only row.</summary>
    public const int OnlyId = 1;

    /// <summary>Always <see cref="OnlyId"/>.</summary>
    public required int Id { get; set; }

    /// <summary>The last retired entry's id; 0 while there is none.</summary>
    public required long LastId { get; set; }

    /// <summary>The last retired entry's hash, which the first that is kept follows; 32 zero bytes while there is none.</summary>
    public required byte[] Hash { get; set; }
}
