namespace Ampora.Scheduler;

/// <summary>Does one kind of work again and again until the process stops, whatever fails meanwhile.</summary>
/// <param name="name">What the work is, for people.</param>
/// <param name="period">The pause between two turns.</param>
/// <param name="batch">How much a turn does at most; after a full one the next follows at once.</param>
/// <param name="turn">Does the work once; says how much it did, and what kept it from doing more.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told when the work begins to fail, and when it no longer does.</param>
internal sealed class Loop(
    string name, TimeSpan period, int batch, Func<CancellationToken, Task<(int Done, Exception? Failure)>> turn, TimeProvider time, ILogger logger)
{
    // A database or broker that is away is asked again this often, rare and heavy work a little more rarely: sixty times in its period.
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private readonly Trouble _trouble = new(logger, name);

    public string Name => name;

    public bool Failing => _trouble.Exists;

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
                await Task.Delay(await TurnAsync(stopping), time, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The only way out.
        }
    }

    /// <returns>How long to wait for the next turn.</returns>
    private async Task<TimeSpan> TurnAsync(CancellationToken stopping)
    {
        try
        {
            var (done, failure) = await turn(stopping);
            if (failure is null)
            {
                _trouble.Clear();
                return done >= batch ? TimeSpan.Zero : period;
            }

            _trouble.Note(failure);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            _trouble.Note(e);
        }

        return period / 60 > PauseAfterFailure ? period / 60 : PauseAfterFailure;
    }
}
