using Ampora.Git;
using Ampora.Git.Signatures;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;

namespace Ampora.Sweeper;

/// <summary>What a source demands of the signature at its tip.</summary>
internal sealed partial class Verification(ILogger<Verification> logger)
{
    /// <summary>
    /// Whether the known tip has to be verified again: it was taken under other settings, and these may demand what those did not. A tip that is found good is stored
    /// under the new settings, so that this is asked once.
    /// </summary>
    public static bool IsDue(Claim claim, CheckedSource source) => source.AllowedSigners is not null && claim.TipConfig != claim.Config;

    /// <summary>Verifies a fetched commit; where the source demands nothing, nothing happens.</summary>
    /// <exception cref="GitException">It is not to be taken: <c>signature_missing</c>, <c>signature_invalid</c>, <c>signer_not_allowed</c>.</exception>
    public async Task VerifyAsync(Claim claim, CheckedSource source, Tip tip, FetchedCommit commit, CancellationToken cancellationToken)
    {
        if (source.AllowedSigners is not { } allowed)
            return;
        using var activity = AmporaMetrics.Activities.StartActivity("verify");
        if (AllowedSigners.FindProblem(allowed) is { } problem)
            throw new GitException("signer_not_allowed", $"The source's allowed signers cannot be read: {problem}", "Correct the allowed signers of the source.");
        var signer = await commit.VerifyAsync(allowed, cancellationToken);
        Log.Verified(logger, claim.SourceId, tip.Sha, signer.Principal, signer.KeyFingerprint);
    }

    private static partial class Log
    {
        [LoggerMessage(21, LogLevel.Information, "{SourceId}: {Sha} is signed by {Signer} with {Key}")]
        public static partial void Verified(ILogger logger, string sourceId, string sha, string signer, string key);
    }
}
