using System.Collections.Concurrent;

namespace Ampora.EndToEnd.Tests.Secrets;

/// <summary>
/// Looks at the arguments and the environment of every process of the machine, again and again while checks run: theirs are open to more
/// than the process itself.
/// </summary>
internal sealed class ProcessWatch : IAsyncDisposable
{
    private readonly IReadOnlyCollection<Needle> _needles;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, bool> _found = new();
    private readonly ConcurrentDictionary<string, bool> _programs = new();
    private readonly Task _watching;

    public ProcessWatch(IReadOnlyCollection<Needle> needles)
    {
        _needles = needles;
        _watching = Task.Run(Watch);
    }

    /// <summary>Where secrets were seen.</summary>
    public IReadOnlyCollection<string> Found => [.. _found.Keys];

    /// <summary>The programs that were looked at.</summary>
    public IReadOnlyCollection<string> Programs => [.. _programs.Keys];

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _stopping.Dispose();
    }

    private void Watch()
    {
        while (!_stopping.IsCancellationRequested)
        {
            foreach (var folder in Directory.EnumerateDirectories("/proc"))
            {
                if (!char.IsAsciiDigit(Path.GetFileName(folder)[0]))
                    continue;
                foreach (var file in (string[])["cmdline", "environ"])
                {
                    byte[] text;
                    try
                    {
                        text = File.ReadAllBytes($"{folder}/{file}");
                    }
                    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                    {
                        // Gone meanwhile.
                        continue;
                    }

                    var end = text.AsSpan().IndexOf((byte)0);
                    if (file == "cmdline" && end > 0)
                        _programs.TryAdd(Path.GetFileName(System.Text.Encoding.UTF8.GetString(text, 0, end)), true);
                    foreach (var needle in _needles.Where(needle => needle.IsIn(text)))
                        _found.TryAdd($"{needle.Name} in {file} of {System.Text.Encoding.UTF8.GetString(text.AsSpan(0, Math.Max(end, 0)))}", true);
                }
            }
        }
    }
}
