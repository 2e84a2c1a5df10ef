using System.Text.Json;
using Ampora.Audit.Model;

namespace Ampora.Audit.Chain;

/// <summary>
/// What an entry <c>audit.retired</c> declares: that every entry up to one, named by id and hash, is removed for its age. The database lets the anchor
/// move to what the newest such entry declares, and nowhere else.
/// </summary>
internal sealed record Retirement
{
    /// <summary>The action of the entry; the migrations know it too.</summary>
    public const string Action = "audit.retired";

    private const string Actor = "system";
    private const string Subject = "audit";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>The last entry that is retired.</summary>
    public required long Through { get; init; }

    /// <summary>Its hash, as lower-case hexadecimal.</summary>
    public required string Hash { get; init; }

    /// <summary>How many entries are retired with it.</summary>
    public required long Count { get; init; }

    /// <summary>When the first of them was recorded, UTC.</summary>
    public required DateTimeOffset Oldest { get; init; }

    /// <summary>When the last of them was recorded, UTC.</summary>
    public required DateTimeOffset Newest { get; init; }

    /// <summary>Whether an entry says that it is a declaration.</summary>
    public static bool IsDeclaration(AuditEntryRow entry) => entry is { Action: Action, Actor: Actor, Subject: Subject };

    /// <summary>Reads a declaration; null when it cannot be read.</summary>
    public static Retirement? TryRead(string detail)
    {
        try
        {
            return JsonSerializer.Deserialize<Retirement>(detail, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The entry that declares it.</summary>
    public NewEntry ToEntry(DateTimeOffset now) => new()
    {
        MessageId = Guid.NewGuid(),
        OccurredAt = now,
        Actor = Actor,
        Action = Action,
        Subject = Subject,
        Detail = JsonSerializer.Serialize(this, Json),
    };
}
