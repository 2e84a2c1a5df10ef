using System.Net;
using Ampora.Database;
using Ampora.TestServers;

namespace Ampora.Console.Tests;

public sealed class OutageSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_that_is_away_is_said_to_be_and_all_goes_on_when_it_is_back()
    {
        await using var link = new DatabaseLink(await consoles.CreateDatabaseAsync(DatabaseDialect.Postgres));
        await using var console = await TestConsole.StartAsync(link.ConnectionString);
        var id = await console.CreateSourceAsync();
        using var stream = new StreamReader(await console.Admin.GetStreamAsync("/api/events", Stop));

        link.Cut();
        foreach (var (method, path) in new[] { (HttpMethod.Get, "/api/git/sources"), (HttpMethod.Delete, $"/api/git/sources/{id}"), (HttpMethod.Get, "/api/tokens") })
        {
            using var response = await console.Admin.CallAsync(method, path);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.True(response.Headers.RetryAfter!.Delta > TimeSpan.Zero);
            Assert.Contains("store_unavailable", await response.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        }

        // Whether a token is valid is not known then; nobody is told that it is not.
        using var unknown = await console.Client("whatever").CallAsync(HttpMethod.Get, "/api/git/sources");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unknown.StatusCode);

        link.Mend();
        for (var attempt = 0; ; attempt++)
        {
            // A connection of before that nobody used meanwhile may still break.
            using var response = await console.Admin.CallAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = "back again" });
            if (response.StatusCode == HttpStatusCode.OK)
                break;
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.True(attempt < 100, "The database is back, and the console does not notice.");
            await Task.Delay(100, Stop);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string? line;
        do
            line = await stream.ReadLineAsync(patience.Token);
        while (line?.Contains("back again", StringComparison.Ordinal) == false);
        Assert.NotNull(line);
    }
}
