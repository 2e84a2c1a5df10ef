using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Ampora.Hosting;

/// <summary>
/// Takes the signals that ask a process to end from the moment on that it exists, before the host listens for them: one that is told to stop while it starts
/// ends in order. A second signal changes nothing, since shells and supervisors often send two; who cannot wait sends SIGKILL.
/// </summary>
internal sealed class EarlySignals
{
    // For good: also while the runtime ends, which a second signal would turn into a failure.
    private static PosixSignalRegistration[] _registrations = [];

    private readonly Lock _gate = new();
    private IHostApplicationLifetime? _lifetime;
    private bool _told;

    public EarlySignals()
    {
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }.Select(signal => PosixSignalRegistration.Create(signal, Take))];
    }

    /// <summary>Has the host stop when a signal comes, or has come.</summary>
    public void HandTo(IHostApplicationLifetime lifetime)
    {
        lock (_gate)
        {
            _lifetime = lifetime;
            if (!_told)
                return;
        }

        lifetime.StopApplication();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        IHostApplicationLifetime? lifetime;
        lock (_gate)
            (_told, lifetime) = (true, _lifetime);
        lifetime?.StopApplication();
    }
}
