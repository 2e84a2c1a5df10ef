using System.Net;

namespace Ampora.Git.Tests;

public sealed class OwnPartsSpecs
{
    [Theory]
    [InlineData("Host=127.0.0.1;Port=6432;Password=x", "127.0.0.1:6432")]
    [InlineData("Server=127.0.0.1;Database=ampora", "127.0.0.1:5432")]
    [InlineData("Host=127.0.0.7:6433,127.0.0.1;Port=6432", "127.0.0.7:6433")]
    [InlineData("Host=127.0.0.7:6433,127.0.0.1;Port=6432", "127.0.0.1:6432")]
    [InlineData("amqp://user:password@127.0.0.1/ampora", "127.0.0.1:5672")]
    [InlineData("amqps://127.0.0.1", "127.0.0.1:5671")]
    [InlineData("amqp://127.0.0.1:5673/", "127.0.0.1:5673")]
    public async Task The_server_that_a_setting_connects_to_is_an_own_part(string connection, string own)
    {
        var policy = new AddressPolicy(new GitLimits()) { AllowLoopback = true };
        policy.DenyConnection(connection);

        var endPoint = IPEndPoint.Parse(own);
        Assert.True(await policy.IsOwnPartAsync(endPoint, TestContext.Current.CancellationToken));
        Assert.False(await policy.IsOwnPartAsync(new IPEndPoint(endPoint.Address, 443), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Data Source=/var/lib/ampora/store.db")]
    [InlineData("Host=/var/run/postgresql")]
    [InlineData("no connection string")]
    public async Task What_connects_to_no_server_denies_nothing(string? connection)
    {
        var policy = new AddressPolicy(new GitLimits()) { AllowLoopback = true };
        policy.DenyConnection(connection);
        Assert.False(await policy.IsOwnPartAsync(IPEndPoint.Parse("127.0.0.1:5432"), TestContext.Current.CancellationToken));
    }
}
