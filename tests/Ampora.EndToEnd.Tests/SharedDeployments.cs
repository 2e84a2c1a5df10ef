using Ampora.Deployments;

// Each deployment is ten processes and more: one at a time, so that no test measures how busy the machine is.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Ampora.EndToEnd.Tests;

/// <summary>Tests that share one Standalone.</summary>
[CollectionDefinition(Name)]
public sealed class SharedStandalone : ICollectionFixture<StandaloneDeployment>
{
    public const string Name = "standalone";
}

/// <summary>Tests that share one distributed deployment.</summary>
[CollectionDefinition(Name)]
public sealed class SharedDistributed : ICollectionFixture<DistributedDeployment>
{
    public const string Name = "distributed";
}
