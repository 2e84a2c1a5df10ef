using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ampora.Contracts;

namespace Ampora.Audit.Chain;

/// <summary>What a message says, before it has a place in the chain.</summary>
internal sealed record NewEntry
{
    // The default encoder escapes all but ASCII, so the text is the same bytes in every database encoding.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public required Guid MessageId { get; init; }

    public required DateTimeOffset OccurredAt { get; init; }

    public required string Actor { get; init; }

    public required string Action { get; init; }

    public required string Subject { get; init; }

    public string? RemoteIp { get; init; }

    public long Count { get; init; } = 1;

    public string? RunId { get; init; }

    public required string Detail { get; init; }

    /// <summary>The entry for something that somebody did.</summary>
    /// <exception cref="InvalidOperationException">It declares that entries are retired. On that depends what may be removed, so nobody but the log declares it.</exception>
    public static NewEntry From(Guid messageId, AuditRecorded message)
    {
        if (message.Action == Retirement.Action)
            throw new InvalidOperationException($"Message {messageId} was not recorded: '{Retirement.Action}' is the log's own and is not taken from the bus");
        return new NewEntry
        {
            MessageId = messageId,
            OccurredAt = message.OccurredAt,
            Actor = Storable(message.Actor),
            Action = Storable(message.Action),
            Subject = Storable(message.Subject),
            RemoteIp = message.RemoteIp is null ? null : Storable(message.RemoteIp),
            Count = message.Count,
            Detail = JsonSerializer.Serialize(new SortedDictionary<string, string>(message.Detail.ToDictionary(), StringComparer.Ordinal), Json),
        };
    }

    /// <summary>The entry for a run.</summary>
    public static NewEntry From(Guid messageId, SyncRunCompleted message)
    {
        var cause = Cause(message);
        var address = cause is { Kind: "webhook", Actor: { } actor } && IPAddress.TryParse(actor, out _) ? actor : null;
        return new NewEntry
        {
            MessageId = messageId,
            OccurredAt = message.CompletedAt,
            Actor = address is not null ? $"address:{address}"
                : cause?.Actor is not { Length: > 0 } name ? "system"
                : Storable(name.Contains(':', StringComparison.Ordinal) ? name : $"token:{name}"),
            Action = $"run.{Storable(message.Outcome)}",
            Subject = $"source:{Storable(message.SourceId)}",
            RemoteIp = address,
            RunId = Storable(message.RunId),
            Detail = JsonSerializer.Serialize(message, Json),
        };
    }

    /// <summary>The first of the requests to which the run is attributed; for a source's first run, of any that have a person behind them.</summary>
    private static RunTrigger? Cause(SyncRunCompleted message) =>
        message.Trigger == "initial"
            ? message.TriggeredBy.FirstOrDefault(t => t.Actor is not null)
            : message.TriggeredBy.FirstOrDefault(t => t.Kind == message.Trigger && t.Actor is not null);

    /// <summary>PostgreSQL takes neither NUL nor half a surrogate pair in a text; an entry must not be lost over either.</summary>
    private static string Storable(string text)
    {
        var wellFormed = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return wellFormed.Replace('\0', '\uFFFD');
    }
}
