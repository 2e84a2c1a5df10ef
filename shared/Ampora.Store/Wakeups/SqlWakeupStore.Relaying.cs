using System.Text.Json;
using Ampora.Contracts;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>The outbox: a closed list of message types, so that a row can never name a type to be made of its payload.</summary>
internal sealed partial class SqlWakeupStore
{
    private static readonly Dictionary<string, Type> MessageTypes =
        new[] { typeof(SyncRunCompleted), typeof(AuditRecorded) }.ToDictionary(t => t.Name, StringComparer.Ordinal);

    public async Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken)
    {
        var taken = await NoteAsync(
            (session, token) => session.ReadAsync(
                OutboxStatements.Take,
                [
                    ("relay_after", policy.RelayAfter),
                    ("max_relay", policy.MaxRelayDelay),
                    ("max_relay_ahead", policy.MaxRelayDelay + policy.ClockSlack),
                    ("types", MessageTypes.Keys.ToArray()),
                    ("limit", limit),
                ],
                row => (Id: row.Guid(0), Type: row.String(1), Payload: row.String(2), CreatedAt: row.Time(3)),
                token),
            cancellationToken);
        return [.. taken.OrderBy(m => m.CreatedAt).Select(m => new OutboxMessage(m.Id, JsonSerializer.Deserialize(m.Payload, MessageTypes[m.Type])!))];
    }

    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) =>
        NoteAsync(
            async (session, token) =>
            {
                (string Name, object? Value)[] parameters =
                    [("message_id", committed.RecordedMessageId), ("run_id", committed.RunId), ("audit_id", committed.AuditId)];
                var commands = new List<Command> { new(OutboxStatements.Remove, parameters) };
                if (committed.RunId is not null)
                    commands.Add(new(OutboxStatements.NoteRecorded, parameters));
                await session.RunAsync(commands, token);
                return true;
            },
            cancellationToken);

    internal static (string Name, object? Value)[] OutboxParameters(OutboxMessage message, WakeupPolicy policy) =>
    [
        ("message_id", message.Id),
        ("type", MessageTypes.ContainsKey(message.Payload.GetType().Name)
            ? message.Payload.GetType().Name
            : throw new ArgumentException($"The outbox does not carry {message.Payload.GetType()}.", nameof(message))),
        ("payload", JsonSerializer.Serialize(message.Payload, message.Payload.GetType())),
        ("relay_after", policy.RelayAfter),
    ];
}
