namespace Ampora.Ingress.Tests;

/// <summary>Waits for what happens behind an answer.</summary>
internal static class Eventually
{
    // Far above what anything here takes, so that only what never happens fails.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    public static async Task HoldsAsync(Func<Task<bool>> condition, string what)
    {
        var end = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(end) > Deadline)
                Assert.Fail($"Within {Deadline.TotalSeconds} s it did not happen that {what}.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public static Task HoldsAsync(Func<bool> condition, string what) => HoldsAsync(() => Task.FromResult(condition()), what);
}
