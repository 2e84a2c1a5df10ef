using System.Globalization;
using Ampora.Simulation.Model;
using Ampora.TestServers;
using Ampora.Wakeups;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>Does the same to the SQL and to the model, and fails at the first difference, with everything that was done.</summary>
internal sealed class Comparison
{
    private const int LastShown = 400;

    private readonly SqlStoreUnderTest _under;
    private readonly ManualClock _clock = new();
    private readonly OperationSource _source;
    private readonly Random _random;
    private readonly int _seed;
    private readonly List<string> _done = [];
    private ModelWakeupStore _model;

    public Comparison(SqlStoreUnderTest under, int seed, ModelRules? rules = null)
    {
        _under = under;
        _seed = seed;
        _random = new Random(seed);
        _source = new OperationSource(_random, under.Policy);
        _model = new ModelWakeupStore(_clock, under.Policy, seed, rules);
    }

    /// <summary>One operation after the other: answers and states equal after each.</summary>
    public async Task RunInTurnAsync(int operations)
    {
        for (var i = 0; i < operations; i++)
        {
            var operation = _source.Next(_model, _clock.GetUtcNow());
            if (operation.Before is { } before)
                await RunOneAsync(before);
            await RunOneAsync(operation);
        }
    }

    /// <summary>Two to four at once: answers and state are those of some order of them.</summary>
    public async Task RunAtOnceAsync(int batches)
    {
        for (var i = 0; i < batches; i++)
        {
            var batch = new List<Operation>();
            while (batch.Count < 2 + (i % 3))
            {
                var operation = _source.Next(_model, _clock.GetUtcNow());
                if (operation.Before is { } before)
                    await RunOneAsync(before);
                if (operation.RunsBesideOthers)
                    batch.Add(operation);
                else
                    await RunOneAsync(operation);
            }

            await RunBatchAsync(batch);
        }
    }

    private async Task RunOneAsync(Operation operation)
    {
        _done.Add(operation.Text);
        object? answer;
        try
        {
            answer = await operation.OnSql(_under);
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            throw Failure($"{operation} failed: {e}");
        }

        var before = StoreState.Of(_model);
        var expected = await OnModelAsync(_model, operation, answer, besideOthers: false);
        Learn(answer);
        if (Operation.Show(answer) != expected)
            throw Failure($"{operation}\n  SQL answers   {Operation.Show(answer)}\n  model answers {expected}");
        var state = await _under.ReadContextAsync(StoreState.ReadAsync);
        if (FindDifference(_model, state, before, [operation]) is { } difference)
            throw Failure($"after {operation}:\n{difference}");
        Adopt(_model, state);
    }

    private async Task RunBatchAsync(List<Operation> batch)
    {
        _done.Add("at once: " + string.Join(" | ", batch));
        object?[] answers;
        try
        {
            answers = await Task.WhenAll(batch.Select(operation => Task.Run(() => operation.OnSql(_under))));
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            throw Failure($"one of these failed: {e}\n{string.Join('\n', batch)}");
        }

        var state = await _under.ReadContextAsync(StoreState.ReadAsync);
        var before = StoreState.Of(_model);
        var attempts = new List<string>();
        foreach (var order in Orders([.. Enumerable.Range(0, batch.Count)]))
        {
            var model = _model.Clone();
            string? difference = null;
            foreach (var i in order)
            {
                var expected = await OnModelAsync(model, batch[i], answers[i], besideOthers: true);
                if (Operation.Show(answers[i]) == expected)
                    continue;
                difference = $"{batch[i]}\n  SQL answers   {Operation.Show(answers[i])}\n  model answers {expected}";
                break;
            }

            difference ??= FindDifference(model, state, before, batch);
            if (difference is null)
            {
                _model = model;
                Adopt(_model, state);
                foreach (var answer in answers)
                    Learn(answer);
                return;
            }

            attempts.Add($"in the order {string.Join(", ", order)}: {difference}");
        }

        // The order that explains most differs least.
        attempts.Sort((a, b) => a.Length.CompareTo(b.Length));

        throw Failure("no order of these explains what they answered and left:\n" + string.Join('\n', batch.Select((o, i) => $"{i}: {o}")) + "\n" + string.Join('\n', attempts));
    }

    private static async Task<string> OnModelAsync(ModelWakeupStore model, Operation operation, object? answer, bool besideOthers)
    {
        // What refused this claim had ended by the time that it was looked for: it changed nothing, and is tried again.
        if (besideOthers && answer is ClaimResult { Claim: null, RetryIn: { } wait } && wait == TimeSpan.Zero)
            return Operation.Show(answer);
        if (operation.Takes)
            (model.Preferred, model.TakesPreferredOnly) = (((string[])answer!).ToHashSet(), besideOthers);
        var expected = Operation.Show(await operation.OnModel(model));
        (model.Preferred, model.TakesPreferredOnly) = (null, false);
        return expected;
    }

    private void Learn(object? answer)
    {
        if (answer is ClaimResult { Claim: { } claim })
            _source.Learn(claim);
    }

    /// <summary>Next polls are equal, or both drawn now within what is allowed.</summary>
    private string? FindDifference(ModelWakeupStore model, StoreState sql, StoreState before, List<Operation> operations)
    {
        var expected = StoreState.Of(model);
        var difference = StoreState.Difference(sql, expected);
        if (difference.Length > 0)
            return difference;
        foreach (var (id, next) in sql.NextPolls)
        {
            if (next == expected.NextPolls[id])
                continue;
            var now = _clock.GetUtcNow();
            var latest = now + (model.Source(id).PollInterval * (1 + _under.Policy.PollJitter));
            var isDrawn = operations.Exists(o => o.Draws) && next >= now && next <= latest;
            var isKept = operations.Exists(o => o.Draws) && before.NextPolls.TryGetValue(id, out var kept) && next == kept;
            if (!isDrawn && !isKept)
                return string.Create(CultureInfo.InvariantCulture, $"  next poll of {id}: SQL {next:O}, model {expected.NextPolls[id]:O}");
        }

        return null;
    }

    private static void Adopt(ModelWakeupStore model, StoreState sql)
    {
        foreach (var source in model.Sources)
            source.NextPollAt = sql.NextPolls[source.Id];
    }

    private static IEnumerable<int[]> Orders(int[] items) => items.Length <= 1
        ? [items]
        : items.SelectMany(first => Orders([.. items.Where(i => i != first)]).Select(rest => (int[])[first, .. rest]));

    private InvalidOperationException Failure(string what)
    {
        var shown = _done.Count <= LastShown ? _done : _done[^LastShown..];
        return new InvalidOperationException(
            $"The SQL and the model part with seed {_seed} (AMPORA_EQUIVALENCE_SEED={_seed} runs it again), operation {_done.Count}:\n{what}\n\nWhat was done:\n{string.Join('\n', shown)}");
    }
}
