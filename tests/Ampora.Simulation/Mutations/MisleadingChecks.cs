using Ampora.Wakeups;

namespace Ampora.Simulation.Mutations;

/// <summary>Takes no notice of a host that wants to be left alone.</summary>
public sealed class DeafCheck(ICheck check) : ICheck
{
    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        var result = await check.RunAsync(claim, cancellationToken);
        return result is CheckResult.Failed failed ? failed with { RetryAfter = null } : result;
    }
}

/// <summary>Believes what a webhook announced.</summary>
public sealed class CredulousCheck(ICheck check) : ICheck
{
    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        var result = await check.RunAsync(claim, cancellationToken);
        return result is CheckResult.Moved moved && claim.ExpectedSha is { } announced ? moved with { Sha = announced } : result;
    }
}

/// <summary>Now and then gives the result of the check before: of a tip that was read before the claim.</summary>
public sealed class RememberingCheck(ICheck check) : ICheck
{
    private readonly Dictionary<string, CheckResult> _before = new(StringComparer.Ordinal);

    public async Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        if (claim.Fence % 3 == 0 && _before.TryGetValue(claim.SourceId, out var before) && before is CheckResult.Moved or CheckResult.Unchanged)
            return before is CheckResult.Moved moved && moved.Sha != claim.TipSha ? moved : new CheckResult.Unchanged { Sha = claim.TipSha!, RefName = "refs/heads/main" };
        return _before[claim.SourceId] = await check.RunAsync(claim, cancellationToken);
    }
}
