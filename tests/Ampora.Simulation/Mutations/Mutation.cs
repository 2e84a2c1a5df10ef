using Ampora.Simulation.Model;
using Ampora.Wakeups;

namespace Ampora.Simulation.Mutations;

/// <summary>One rule switched off, and what is then broken.</summary>
public sealed record Mutation
{
    /// <summary>Nothing is switched off.</summary>
    public static Mutation None { get; } = new() { Name = "none" };

    /// <summary>The rule's name.</summary>
    public required string Name { get; init; }

    /// <summary>The invariants that may catch it; which of them does depends on what happens first.</summary>
    public IReadOnlyList<string> CaughtBy { get; init; } = [];

    /// <summary>The store's rules.</summary>
    public ModelRules Rules { get; init; } = new();

    /// <summary>Changes the policy of the protocol and the store; what is promised stays.</summary>
    public Func<WakeupPolicy, WakeupPolicy> Policy { get; init; } = p => p;

    /// <summary>Puts something between the protocol and its store.</summary>
    public Func<IWakeupStore, IWakeupStore> Store { get; init; } = s => s;

    /// <summary>Puts something between the protocol and its check.</summary>
    public Func<ICheck, ICheck> Check { get; init; } = c => c;

    /// <summary>Whether Audit recognises a message that it has recorded.</summary>
    public bool AuditDeduplicates { get; init; } = true;

    /// <summary>Whether Audit acknowledges after its commit.</summary>
    public bool AuditCommitsFirst { get; init; } = true;

    /// <summary>Whether Ingress answers after its commit.</summary>
    public bool IngressCommitsFirst { get; init; } = true;
}
