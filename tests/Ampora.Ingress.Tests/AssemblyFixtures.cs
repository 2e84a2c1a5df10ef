using Ampora.TestServers;

[assembly: AssemblyFixture(typeof(PostgresServer))]

// Floods and deadlines are what is tested here; beside each other they would measure each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
