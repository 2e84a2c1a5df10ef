using System.Text.Json;
using Ampora.Contracts;
using Ampora.Store.Sql;
using Ampora.Wakeups;

namespace Ampora.Store;

/// <summary>How messages stand in the outbox: the name of their type, from a closed list, and their JSON.</summary>
internal static class OutboxMessages
{
    private static readonly Dictionary<string, Type> Types = new[] { typeof(SyncRunCompleted), typeof(AuditRecorded) }.ToDictionary(t => t.Name);

    /// <summary>Adds a message to the current transaction; one that is there already stays as it is.</summary>
    public static Task AddAsync(StoreContext context, OutboxMessage message, TimeSpan relayAfter, CancellationToken cancellationToken)
    {
        var type = message.Payload.GetType();
        if (!Types.ContainsKey(type.Name))
            throw new ArgumentException($"{type.Name} is not a message that the outbox carries.", nameof(message));
        var t = DialectTerms.Of(context);
        return Statement.ExecuteAsync(
            context,
            $"""
            INSERT INTO outbox (id, type, payload, created_at, attempts, next_attempt_at)
            VALUES (@id, @type, @payload, {t.Now}, 0, {t.Now} + @after) ON CONFLICT DO NOTHING
            """,
            cancellationToken,
            new[]
            {
                ("id", (object?)message.Id), ("type", type.Name), ("payload", JsonSerializer.Serialize(message.Payload, type, JsonSerializerOptions.Web)), ("after", relayAfter),
            });
    }

    public static OutboxMessage Read(Statement.Row row) =>
        new(row.Guid("id"), JsonSerializer.Deserialize(row.Text("payload"), Types[row.Text("type")], JsonSerializerOptions.Web)!);
}
