using Ampora.TestServers;

[assembly: AssemblyFixture(typeof(PostgresServer))]
