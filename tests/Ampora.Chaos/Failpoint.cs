using Ampora.Deployments;

namespace Ampora.Chaos;

/// <summary>Makes a process kill itself at a step: <c>SPAN[:started|stopped][:N]</c>, when the N-th span of that name starts or stops.</summary>
public static class Failpoint
{
    /// <summary>What the process that is to die has in its environment.</summary>
    public static IReadOnlyDictionary<string, string?> Variables(string failpoint) => new Dictionary<string, string?>
    {
        ["AMPORA_FAILPOINT"] = failpoint,
        ["DOTNET_STARTUP_HOOKS"] = Path.Combine(BuildOutput.FolderOf("tests/Ampora.Failpoints"), "Ampora.Failpoints.dll"),
    };

    /// <summary>From its next start on, the process dies at a step.</summary>
    public static void Set(ServiceProcess process, string failpoint)
    {
        foreach (var (name, value) in Variables(failpoint))
            process.Set(name, value);
    }

    /// <summary>From its next start on, the process dies nowhere.</summary>
    public static void Remove(ServiceProcess process)
    {
        foreach (var name in Variables("").Keys)
            process.Set(name, null);
    }
}
