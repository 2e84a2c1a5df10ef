using System.Text.Json;
using Ampora.Simulation.Model;
using Ampora.Wakeups;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>One thing that is done to both stores.</summary>
/// <param name="Text">What it is, for whoever reads a failure.</param>
/// <param name="OnSql">Does it to the SQL, and answers.</param>
/// <param name="OnModel">Does it to the model, and answers.</param>
internal sealed record Operation(string Text, Func<SqlStoreUnderTest, Task<object?>> OnSql, Func<ModelWakeupStore, Task<object?>> OnModel)
{
    /// <summary>What is prepared before, when others run beside this.</summary>
    public Operation? Before { get; init; }

    /// <summary>Whether chance decides when sources are polled next.</summary>
    public bool Draws { get; init; }

    /// <summary>Whether the answer is sources that were taken, in an order that says nothing.</summary>
    public bool Takes { get; init; }

    /// <summary>Whether it may run beside others: it is one transaction, and neither moves the clock nor prepares another operation.</summary>
    public bool RunsBesideOthers { get; init; } = true;

    public static Operation Of(string text, Func<IWakeupStore, Task<object?>> run) => new(text, under => run(under.Store), run);

    public static Operation Taking(string text, Func<IWakeupStore, Task<IReadOnlyList<string>>> take) =>
        Of(text, async store => (await take(store)).Order(StringComparer.Ordinal).ToArray()) with { Takes = true };

    /// <summary>What the Console does to a source, which may have been deleted beside it.</summary>
    public static Operation OfConsole(string text, string id, Func<SqlStoreUnderTest, Task> onSql, Action<ModelWakeupStore> onModel) => new(
        text,
        async under =>
        {
            try
            {
                await onSql(under);
                return "done";
            }
            catch (InvalidOperationException)
            {
                return "no source";
            }
        },
        model =>
        {
            if (model.Sources.All(s => s.Id != id))
                return Task.FromResult<object?>("no source");
            onModel(model);
            return Task.FromResult<object?>("done");
        });

    /// <summary>An answer as text that can be compared.</summary>
    public static string Show(object? answer) => JsonSerializer.Serialize(answer);

    public override string ToString() => Text;
}
