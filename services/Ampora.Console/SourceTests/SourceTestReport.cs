using Ampora.Contracts;
using Ampora.Git;

namespace Ampora.Console.SourceTests;

/// <summary>Puts what a test found into its steps: what came before the fault is well, what comes after it was not tried.</summary>
internal static class SourceTestReport
{
    private const string Url = "url";
    private const string Connection = "connection";
    private const string Credential = "credential";
    private const string Ref = "ref";

    private static readonly string[] Steps = [Url, Connection, Credential, Ref];

    /// <summary>Reports a success.</summary>
    public static SourceTestView Of(GitRemote remote, ProbeResult result) => new(
        true,
        remote.Url.ToString(),
        result.MovedTo,
        result.Transport,
        new TestedRef(result.RefName, result.Sha),
        [
            new SourceTestStep(Url, true, UrlDetail(remote)),
            new SourceTestStep(Connection, true, $"{remote.Url.HostAndPort} answered as a Git server ({result.Transport}).{Moved(result.MovedTo)}"),
            new SourceTestStep(
                Credential,
                true,
                remote.Credential is null ? "None was given, and none is needed." : "The host lets it read the repository, or lets everybody."),
            new SourceTestStep(Ref, true, $"{result.RefName} is at {result.Sha}."),
        ],
        null);

    /// <summary>Reports a fault.</summary>
    /// <param name="remote">What was tried; null when not even the URL can be read.</param>
    /// <param name="error">The fault.</param>
    public static SourceTestView Of(GitRemote? remote, RunError error)
    {
        var (failed, wasTried) = Place(error.Code);
        var at = Array.IndexOf(Steps, failed);
        var steps = Steps.Select((step, i) =>
            i == at ? new SourceTestStep(step, false, error.Detail)
            : i < at && (wasTried || step == Url) ? new SourceTestStep(step, true, remote is null ? null : Before(step, remote))
            : new SourceTestStep(step, null, null));
        return new SourceTestView(false, remote?.Url.ToString(), null, null, null, [.. steps], error);
    }

    // Which step a fault is of, and whether the steps before it were come to.
    private static (string Step, bool WasTried) Place(string code) => code switch
    {
        "invalid_url" => (Url, false),
        "invalid_ref" => (Ref, false),
        "credential_unsupported" or "credential_unreadable" or "key_unreadable" => (Credential, false),
        // A host that hides what is private says so too.
        "auth_failed" or "not_found" => (Credential, true),
        "ref_not_found" or "empty_repository" => (Ref, true),
        _ => (Connection, true),
    };

    private static string Before(string step, GitRemote remote) => step switch
    {
        Url => UrlDetail(remote),
        Connection => $"{remote.Url.HostAndPort} answered.",
        _ => remote.Credential is null ? "None was given, and none is needed." : "The host lets it read the repository, or lets everybody.",
    };

    private static string UrlDetail(GitRemote remote) => $"It can be read: {remote.Url}";

    private static string Moved(string? movedTo) => movedTo is null ? "" : $" The repository has moved to {movedTo}: set the source's URL to that.";
}
