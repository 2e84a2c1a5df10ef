using System.Diagnostics;
using System.Globalization;
using Ampora.Deployments;

namespace Ampora.Chaos.Mix;

/// <summary>What is done again and again to one service, to the broker or to the database, as a seed decides; and what a supervisor does about it.</summary>
internal abstract class Attack(string target, Journal journal, int seed)
{
    // A supervisor starts again at once at first, and waits later.
    private const double ShortestRest = 0.1;
    private const double LongestRest = 2.5;

    protected string Target => target;

    protected Random Random { get; } = new(HashCode(target, seed));

    /// <summary>Kills so many times, spread over a time, and does one other thing between any two kills.</summary>
    public async Task RunAsync(int kills, TimeSpan time)
    {
        var began = Stopwatch.GetTimestamp();
        var round = time / kills;
        for (var i = 0; i < kills; i++)
        {
            await UntilAsync(began, (i + (Random.NextDouble() * 0.4)) * round);
            var other = Random.Next(3);
            // On a machine so busy that starting something takes a round, the kills are what counts.
            if (Stopwatch.GetElapsedTime(began) < (i + 0.5) * round)
                await OtherAsync(other);
            await UntilAsync(began, (i + 0.5 + (Random.NextDouble() * 0.4)) * round);
            journal.Faulted("kill", target);
            await KillAsync(RestAsync);
        }
    }

    /// <summary>Kills, rests, and starts again.</summary>
    protected abstract Task KillAsync(Func<Task> rest);

    /// <summary>Asks to end, waits for it, and starts again.</summary>
    protected abstract Task RestartAsync(Func<Task> rest);

    /// <summary>Halts for a while.</summary>
    protected abstract Task PauseAsync(TimeSpan time);

    /// <summary>Leaves too little of something for a while.</summary>
    protected abstract Task StarveAsync(TimeSpan time);

    /// <summary>How long a pause is.</summary>
    protected virtual TimeSpan PauseTime() => TimeSpan.FromSeconds(0.3 + (Random.NextDouble() * 3));

    protected static Task WaitAsync(TimeSpan time) => Task.Delay(time, Deployment.Token);

    private async Task OtherAsync(int which)
    {
        switch (which)
        {
            case 0:
                journal.Faulted("restart", target);
                await RestartAsync(RestAsync);
                break;
            case 1:
                var pause = PauseTime();
                journal.Faulted("pause", target, string.Create(CultureInfo.InvariantCulture, $"{pause.TotalSeconds:F1} s"));
                await PauseAsync(pause);
                break;
            default:
                journal.Faulted("starve", target);
                await StarveAsync(TimeSpan.FromSeconds(2 + (Random.NextDouble() * 3)));
                break;
        }
    }

    private Task RestAsync() => WaitAsync(TimeSpan.FromSeconds(ShortestRest + (Random.NextDouble() * (LongestRest - ShortestRest))));

    private static async Task UntilAsync(long began, TimeSpan at)
    {
        var left = at - Stopwatch.GetElapsedTime(began);
        if (left > TimeSpan.Zero)
            await WaitAsync(left);
    }

    // string.GetHashCode differs from process to process.
    private static int HashCode(string text, int seed) => text.Aggregate(seed, (hash, c) => unchecked((hash * 31) + c));
}
