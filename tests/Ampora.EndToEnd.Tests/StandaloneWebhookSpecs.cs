using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Ampora.Standalone;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests;

/// <summary>The secret and the command that a newcomer is shown, for whichever way the Git host authenticates its webhooks.</summary>
public sealed class StandaloneWebhookSpecs : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-standalone-");

    private static readonly string[] Methods =
        ["token", "github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket-cloud", "bitbucket-server", "azure-devops", "standard-webhooks"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Folder => Path.Combine(_data.FullName, "data");

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public async Task A_host_that_signs_is_given_a_secret_for_its_field_and_a_command_that_signs()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.yaml", "1"));
        await using (var first = StandaloneProcess.Start("--data", Folder))
        {
            using var api = await ApiAsync(first);
            await CreateAsync(api, "fleet", repository.Url, "github");
            Assert.Equal(0, await first.InterruptAsync());
        }

        await using var ampora = StandaloneProcess.Start("--data", Folder, "--source", repository.Url);
        var curl = await ampora.CurlAsync();
        Assert.Contains("openssl dgst", curl, StringComparison.Ordinal);
        var secret = await ampora.LineAsync("  secret      amp_");
        Assert.EndsWith("paste it into the webhook's field \"Secret\" at the Git host)", secret, StringComparison.Ordinal);
        await ampora.LineAsync(" initial, ");
        var tip = await repository.CommitAsync(("a.yaml", "2"));

        Assert.Contains("\"accepted\"", await StandaloneProcess.PasteAsync(curl), StringComparison.Ordinal);
        await ampora.LineAsync($"fleet: {tip[..7]} \"Change a.yaml\" webhook, 1 file changed, ");
        // With another secret it is worth nothing.
        Assert.Contains("webhook_refused", await StandaloneProcess.PasteAsync(curl.Replace("-hmac 'amp_", "-hmac 'amp-", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(0, await ampora.InterruptAsync());
        Assert.Empty(ampora.Errors);
    }

    [Fact]
    public async Task The_command_of_every_method_is_accepted_as_pasted()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.yaml", "1"));
        await using var ampora = StandaloneProcess.Start("--data", Folder);
        using var api = await ApiAsync(ampora);
        foreach (var auth in Methods)
        {
            await CreateAsync(api, auth, repository.Url, auth);
            var made = await SendAsync(api, HttpMethod.Post, $"api/git/sources/{auth}/webhook/token", null);
            var command = WebhookCommand.Of(auth, (string)made["url"]!, (string)made["token"]!);
            var answer = await StandaloneProcess.PasteAsync(command);
            Assert.True(answer.Contains("\"accepted\"", StringComparison.Ordinal), $"{auth}: {answer}");
        }

        Assert.Equal(0, await ampora.InterruptAsync());
    }

    private async Task<HttpClient> ApiAsync(StandaloneProcess ampora)
    {
        var address = (await ampora.LineAsync("Ampora serves "))["Ampora serves ".Length..];
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(address) };
        var token = (await File.ReadAllTextAsync(Path.Combine(Folder, "admin-token"), Stop)).Trim();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private static Task<JsonNode> CreateAsync(HttpClient api, string id, string url, string auth) =>
        SendAsync(api, HttpMethod.Post, "api/git/sources", new { id, url, webhook = new { auth } });

    private static async Task<JsonNode> SendAsync(HttpClient api, HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = JsonContent.Create(body);
        using var response = await api.SendAsync(request, Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }
}
