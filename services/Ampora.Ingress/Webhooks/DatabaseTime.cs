namespace Ampora.Ingress.Webhooks;

/// <summary>
/// How long the database may still take for one webhook. Only what it takes is counted, not what the sender takes over its body: the
/// answer, good or bad, comes within the promised time after the sender's last byte.
/// </summary>
internal sealed class DatabaseTime(TimeProvider time, TimeSpan total)
{
    private TimeSpan _used;

    private TimeSpan Left => total > _used ? total - _used : TimeSpan.FromTicks(1);

    /// <summary>Lets the database work for as long as is left.</summary>
    /// <exception cref="TimeoutException">It took longer.</exception>
    /// <exception cref="OperationCanceledException">It took longer, or the sender has gone.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken aborted)
    {
        var started = time.GetTimestamp();
        using var deadline = new CancellationTokenSource(Left, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        Task<T>? working = null;
        try
        {
            working = work(either.Token);
            // The driver may take its own time to give up on a server that does not answer; the sender is not kept waiting for that.
            return await working.WaitAsync(Left, time, aborted);
        }
        catch
        {
            _ = working?.ContinueWith(static t => t.Exception, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously);
            throw;
        }
        finally
        {
            _used += time.GetElapsedTime(started);
        }
    }
}
