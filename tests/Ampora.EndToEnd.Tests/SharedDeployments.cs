using Ampora.Deployments;

// A distributed deployment is ten processes and more: two collections at a time, mostly it and a Standalone. More would show how busy the machine is.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]

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
