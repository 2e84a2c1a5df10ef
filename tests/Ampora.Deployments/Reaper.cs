using System.Diagnostics;

namespace Ampora.Deployments;

/// <summary>
/// Kills the processes that tests started when the process of the tests has ended in whatever way: a shell is told of each, and outlives it just for that.
/// </summary>
internal static class Reaper
{
    // The end of its input is the end of the tests. An interrupt from a terminal goes to it too, and must not end it first.
    private const string Script = """
        trap '' INT TERM HUP
        running=' '
        while read -r sign id; do
            case "$sign$running" in
                +*) running="$running$id " ;;
                *" $id "*) running="${running%% $id *} ${running#* $id }" ;;
            esac
        done
        [ "$running" = ' ' ] || kill -KILL $running 2> /dev/null
        """;

    private static readonly Lock Telling = new();
    private static Process? _shell;

    public static void Took(int processId) => Tell('+', processId);

    public static void Lost(int processId) => Tell('-', processId);

    private static void Tell(char sign, int processId)
    {
        lock (Telling)
        {
            _shell ??= Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script]) { RedirectStandardInput = true, UseShellExecute = false })!;
            _shell.StandardInput.WriteLine($"{sign} {processId}");
            _shell.StandardInput.Flush();
        }
    }
}
