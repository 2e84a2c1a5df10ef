using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.EndToEnd.Tests.Secrets;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>
/// A credential of each kind: the right one works, the wrong one says so, and none is anywhere but in the request that it is for: not in
/// the arguments or the environment of a process, a log, a database, an answer or a metric; as it is, in base64, hexadecimal or a URL.
/// </summary>
public abstract class SecretSpecs(Deployment deployment, LockedProxy proxy)
{
    private const string AppId = "12345";
    private const long Installation = 987654;

    private readonly string _tag = Guid.NewGuid().ToString("n")[..8];
    // Read by the watch while more are added.
    private readonly ConcurrentQueue<Needle> _needles = [];
    private readonly List<(string Where, byte[] Content)> _answers = [];

    [Fact]
    public async Task A_credential_of_each_kind_works_or_says_why_and_is_found_nowhere()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Issue(days: 100, "127.0.0.1", "localhost");
        await using var secure = await GitHttpServer.StartAsync(certificate);
        await using var github = await GitHttpServer.StartAsync();
        using var appKey = RSA.Create(2048);
        using var otherKey = RSA.Create(2048);
        var app = github.GitHub = new GitHubHost(TimeProvider.System, AppId, Installation, appKey);
        await using var ssh = await SshGitServer.StartAsync(cancellationToken: Deployment.Token);
        var (password, token, passphrase) = (Secret("password"), $"bearer-{_tag}-{Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}", Secret("passphrase"));
        var sshKey = await ssh.CreateKeyAsync(passphrase: passphrase, cancellationToken: Deployment.Token);
        var appPem = appKey.ExportRSAPrivateKeyPem();
        _needles.Enqueue(new Needle("the bearer token", token));
        _needles.Enqueue(new Needle("the proxy's password", proxy.Password));
        _needles.Enqueue(new Needle("the SSH key", sshKey.PrivateKey.Split('\n')[2]));
        _needles.Enqueue(new Needle("the app's key", appPem.Split('\n')[3]));

        var basic = secure.CreateRepository($"basic-{_tag}");
        basic.RequireBasic("ada", password);
        var bearer = deployment.Git.CreateRepository($"bearer-{_tag}");
        bearer.RequireBearer(token);
        var installed = github.CreateRepository($"acme/app-{_tag}");
        app.Repositories.Add(installed);
        app.NewToken();
        var locked = ssh.CreateRepository($"ssh-{_tag}");
        var proxied = deployment.Git.CreateRepository($"proxied-{_tag}");
        proxied.RequireBasic("ada", password);
        var proxiedUrl = proxied.Url.Replace("127.0.0.1", proxy.NameFor(deployment.Git), StringComparison.Ordinal);

        await using var watch = new ProcessWatch(_needles);
        await WorksAsync("basic", basic, basic.Url, new { type = "basic", username = "ada", password, ca = authority.Pem }, new { type = "basic", username = "ada", password = Secret("wrong"), ca = authority.Pem }, "auth_failed");
        await WorksAsync("bearer", bearer, bearer.Url, new { type = "bearer", token }, new { type = "bearer", token = "wrong" }, "auth_failed");
        await WorksAsync(
            "ssh",
            locked,
            locked.Url,
            new { type = "ssh", privateKey = sshKey.PrivateKey, passphrase, knownHosts = ssh.KnownHosts },
            new { type = "ssh", privateKey = sshKey.PrivateKey, passphrase = Secret("wrong"), knownHosts = ssh.KnownHosts },
            "key_unreadable");
        await WorksAsync(
            "app",
            installed,
            installed.Url,
            new { type = "githubApp", appId = AppId, installationId = $"{Installation}", privateKey = appPem },
            new { type = "githubApp", appId = AppId, installationId = $"{Installation}", privateKey = otherKey.ExportRSAPrivateKeyPem() },
            "auth_failed");
        await WorksAsync("proxied", proxied, proxiedUrl, new { type = "basic", username = "ada", password }, new { type = "basic", username = "ada", password = Secret("wrong") }, "auth_failed");
        Assert.True(proxy.Requests > 0);
        foreach (var made in app.Tokens)
            _needles.Enqueue(new Needle("an installation's token", made));

        await CollectAnswersAsync();
        Assert.Contains("git", watch.Programs);
        Assert.Contains("ssh", watch.Programs);
        Assert.Empty(watch.Found);
        AssertClean([("the logs", Encoding.UTF8.GetBytes(deployment.Logs()))]);
        AssertClean(_answers);
        AssertClean(await deployment.StoredAsync());
    }

    private async Task WorksAsync(string kind, GitRepository repository, string url, object right, object wrong, string code)
    {
        var sha = await repository.CommitAsync(("a.txt", kind));
        var id = $"secret-{kind}-{_tag}";
        var refused = await PostAsync("/api/git/source-tests", new { url, credential = wrong });
        Assert.Equal((kind, code), (kind, refused["error"]?["code"]?.GetValue<string>()));
        var tried = await PostAsync("/api/git/source-tests", new { url, credential = right });
        Assert.True(tried["ok"]!.GetValue<bool>(), $"{kind}: {tried.ToJsonString()}\n{deployment.Logs()}");

        // A source whose credential is wrong says so, and works as soon as it has the right one.
        await PostAsync("/api/git/sources", new { id, url, credential = wrong, pollIntervalSeconds = 86_400 });
        var source = new WatchedSource(deployment, id, repository, (await deployment.PostAsync($"/api/git/sources/{id}/webhook/token", new { }))["token"]!.GetValue<string>());
        var failed = await source.WaitForRunAsync(run => run["outcome"]!.GetValue<string>() == "failed", $"{kind} fails with the wrong credential");
        Assert.Equal(code, failed["error"]!["code"]!.GetValue<string>());
        Keep($"PATCH {id}", (await deployment.PatchAsync($"/api/git/sources/{id}", new { credential = right })).ToJsonString());
        await source.WaitForRunAsync(sha);
        var pushed = await repository.CommitAsync(("b.txt", kind));
        await source.WakeAsync();
        await source.WaitForRunAsync(pushed);
        foreach (var path in new[] { "", "/runs", "/deliveries", "/snapshots", "/snapshots/latest" })
            await KeepAsync($"/api/git/sources/{id}{path}");
    }

    private async Task CollectAnswersAsync()
    {
        foreach (var path in new[] { "/api/git/sources?limit=200", "/api/git/deliveries?limit=200", "/api/audit?limit=200", "/api/audit/export", "/openapi/v1.json", "/" })
            await KeepAsync(path);
        Keep("metrics", await deployment.MetricsAsync());
        // What is refused is answered without what was sent.
        using var bad = await deployment.Api.PostAsJsonAsync("/api/git/sources", new { id = "bad", url = "http://127.0.0.1/x.git", credential = new { type = "bearer", token = $"{Secret("wrong")}\n", more = 1 } }, Deployment.Token);
        Assert.Equal(422, (int)bad.StatusCode);
        Keep("a refused source", await bad.Content.ReadAsStringAsync(Deployment.Token));
        // The stream from its beginning, as far as it comes.
        using var events = new HttpRequestMessage(HttpMethod.Get, "/api/events");
        events.Headers.Add("Last-Event-ID", "0");
        using var response = await deployment.Api.SendAsync(events, HttpCompletionOption.ResponseHeadersRead, Deployment.Token);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        enough.CancelAfter(TimeSpan.FromSeconds(2));
        using var streamed = new MemoryStream();
        try
        {
            await response.Content.CopyToAsync(streamed, enough.Token);
        }
        catch (OperationCanceledException) when (!Deployment.Token.IsCancellationRequested)
        {
            // It has no end.
        }

        Assert.True(streamed.Length > 0);
        _answers.Add(("the events", streamed.ToArray()));
    }

    private async Task<JsonNode> PostAsync(string path, object body)
    {
        var answer = await deployment.PostAsync(path, body);
        Keep(path, answer.ToJsonString());
        return answer;
    }

    private async Task KeepAsync(string path)
    {
        using var response = await deployment.Api.GetAsync(path, Deployment.Token);
        Keep(path, await response.Content.ReadAsStringAsync(Deployment.Token));
    }

    private void Keep(string where, string answer) => _answers.Add((where, Encoding.UTF8.GetBytes(answer)));

    private void AssertClean(IReadOnlyList<(string Where, byte[] Content)> places)
    {
        Assert.NotEmpty(places);
        Assert.Empty(places.SelectMany(place => _needles.Where(needle => needle.IsIn(place.Content)).Select(needle => $"{needle.Name} in {place.Where}")));
    }

    // With letters that URLs and JSON write in other ways; each that is made is searched for.
    private string Secret(string what)
    {
        var secret = $"{what} ü/+&\"{_tag}{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        _needles.Enqueue(new Needle($"a {what}", secret));
        return secret;
    }
}
