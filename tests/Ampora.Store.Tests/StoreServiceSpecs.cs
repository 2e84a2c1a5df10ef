using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Secrets;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ampora.Store.Tests;

public class StoreServiceSpecs
{
    private static readonly string Key = Convert.ToBase64String(new byte[32]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_finds_the_store_migrated_before_anything_of_its_own_starts()
    {
        using var file = new SqliteFile();
        var builder = Builder(("ConnectionStrings:Store", file.ConnectionString), ("AMPORA_MASTER_KEY", Key));
        builder.AddStore();
        builder.AddStore();
        var reader = new ReadsAtStart();
        builder.Services.AddHostedService(services =>
        {
            reader.Database = services.GetRequiredService<Database<StoreContext>>();
            return reader;
        });
        using var host = builder.Build();
        await host.StartAsync(Token);

        Assert.Equal(2, reader.Sequences);
        Assert.NotNull(host.Services.GetRequiredService<IWakeupStore>());
        Assert.NotNull(host.Services.GetRequiredService<WakeupProtocol>());
        Assert.NotNull(host.Services.GetRequiredService<SnapshotStore>());
        Assert.NotNull(host.Services.GetRequiredService<SecretCipher>());
        Assert.Single(host.Services.GetServices<Database<StoreContext>>());
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Every_bad_setting_is_named_at_start_with_how_to_mend_it_and_none_is_repeated()
    {
        var builder = Builder(("ConnectionStrings:Store", "Pasword=hunter2"), ("AMPORA_MASTER_KEY", "hunter3"), ("AMPORA_MASTER_KEY_PREVIOUS", "aHVudGVyNA=="));
        builder.AddStore();
        using var host = builder.Build();
        var problems = (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token))).Failures.ToList();
        Assert.Collection(
            problems,
            p => Assert.Contains("ConnectionStrings__Store names no database", p, StringComparison.Ordinal),
            p => Assert.StartsWith("AMPORA_MASTER_KEY is no key", p, StringComparison.Ordinal),
            p => Assert.StartsWith("AMPORA_MASTER_KEY_PREVIOUS is no key", p, StringComparison.Ordinal));
        Assert.All(problems, p => Assert.DoesNotContain("hunter", p, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task A_missing_connection_string_stops_the_start(string? value)
    {
        var builder = Builder(("ConnectionStrings:Store", value));
        builder.AddStore();
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Contains("ConnectionStrings__Store is missing", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_a_service_that_decrypts_needs_the_master_key(bool needed)
    {
        using var file = new SqliteFile();
        var builder = Builder(("ConnectionStrings:Store", file.ConnectionString));
        builder.AddStore();
        if (needed)
            builder.RequireMasterKey();
        using var host = builder.Build();
        if (!needed)
        {
            await host.StartAsync(Token);
            await host.StopAsync(Token);
            return;
        }

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Contains("AMPORA_MASTER_KEY is missing", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    private static HostApplicationBuilder Builder(params (string Key, string? Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        foreach (var (key, value) in settings)
            builder.Configuration[key] = value;
        builder.Services.AddSingleton<IMessagePublisher, NoBus>();
        return builder;
    }

    private sealed class NoBus : IMessagePublisher
    {
        public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class ReadsAtStart : IHostedService
    {
        public Database<StoreContext>? Database { get; set; }

        public int Sequences { get; private set; }

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await using var context = Database!.Read();
            Sequences = await context.Sequences.CountAsync(cancellationToken);
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
