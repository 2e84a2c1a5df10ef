using System.Diagnostics;
using System.Globalization;

/// <summary>
/// Kills the process that it is loaded into at a named step, as if the machine had lost its power there: <c>DOTNET_STARTUP_HOOKS</c> names this assembly, and
/// <c>AMPORA_FAILPOINT=SPAN[:started|stopped][:N]</c> the step: when the N-th span of that name starts or stops (<c>stopped:1</c> unless given). Without the second
/// it does nothing.
/// </summary>
/// <remarks>The runtime asks for the class by this name, outside of any namespace.</remarks>
internal static class StartupHook
{
    private const string Variable = "AMPORA_FAILPOINT";
    private const string Source = "Ampora";

    private static long _left;

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } failpoint)
            return;
        var parts = failpoint.Split(':');
        var name = parts[0];
        var atStart = parts.Contains("started");
        _left = parts.Skip(1).Select(p => long.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).FirstOrDefault(n => n > 0, 1);
        ActivitySource.AddActivityListener(new ActivityListener
        {
            ShouldListenTo = source => source.Name == Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = atStart ? span => Pass(span, name) : null,
            ActivityStopped = atStart ? null : span => Pass(span, name),
        });
    }

    // On the thread that reached the step, before it goes on.
    private static void Pass(Activity span, string name)
    {
        if (span.OperationName != name || Interlocked.Decrement(ref _left) != 0)
            return;
        // SIGKILL; a process that sends it to itself does not come back from the call.
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
