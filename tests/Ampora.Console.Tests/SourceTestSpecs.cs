using System.Net;
using System.Text.Json.Nodes;
using Ampora.TestServers;

namespace Ampora.Console.Tests;

public sealed class SourceTestSpecs(SourceTestSpecs.Local local) : IClassFixture<SourceTestSpecs.Local>
{
    private const string Path = "/api/git/source-tests";

    private readonly TestConsole _console = local.Console;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_works_is_told_with_the_transport_and_what_the_ref_stands_for()
    {
        await using var host = await GitHttpServer.StartAsync();
        await using var overSsh = await SshGitServer.StartAsync(cancellationToken: Stop);
        await using var plainSsh = await SshGitServer.StartAsync(acceptsVersion2: false, Stop);
        using var repository = host.CreateRepository();
        var sha = await repository.CommitAsync(("a.txt", "1"));
        await repository.TagAsync("v1.2.0", sha);
        await repository.TagAsync("v1.10.0", sha);
        using var served = overSsh.Serve("fleet", repository.FolderPath);
        using var alsoServed = plainSsh.Serve("fleet", repository.FolderPath);
        repository.RequireBasic("ada", "hunter2secret");
        object basic = new { type = "basic", username = "ada", password = "hunter2secret" };
        foreach (var (url, @ref, credential, transport, name) in new (string, string?, object?, string, string)[]
        {
            (repository.Url, null, basic, "http-v2", "refs/heads/main"),
            (repository.Url, "tags/v1.*", basic, "http-v2", "refs/tags/v1.10.0"),
            ($"{overSsh.BaseUrl}/fleet.git", "main", await KeyOfAsync(overSsh), "ssh-v2", "refs/heads/main"),
            ($"{plainSsh.BaseUrl}/fleet.git", null, await KeyOfAsync(plainSsh, "correct horse"), "ssh-v0", "refs/heads/main"),
        })
        {
            var result = await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url, @ref, credential });
            Assert.True(result["ok"]!.GetValue<bool>(), result.ToJsonString());
            Assert.Equal((transport, name, sha), (result.Text("transport"), result["ref"]!.Text("name"), result["ref"]!.Text("sha")));
            Assert.Equal(["url", "connection", "credential", "ref"], result["steps"]!.AsArray().Select(s => s!.Text("step")));
            Assert.All(result["steps"]!.AsArray(), step => Assert.True(step!["ok"]!.GetValue<bool>() && step.Text("detail").Length > 0));
            Assert.Null(result["error"]);
            Assert.Null(result["movedTo"]);
        }

        repository.OnlyProtocolV0 = true;
        repository.RequireNothing();
        Assert.Equal("http-v0", (await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url = repository.Url })).Text("transport"));
    }

    [Fact]
    public async Task What_an_http_host_refuses_is_told_with_its_step_and_what_to_do()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository("fleet");
        await repository.CommitAsync(("a.txt", "1"));
        using var secret = host.CreateRepository("private");
        await secret.CommitAsync(("a.txt", "1"));
        secret.RequireBasic("ada", "hunter2secret");
        using var empty = host.CreateRepository("empty");
        using var hung = host.CreateRepository("hung");
        hung.Hangs = true;
        await using var pages = await TestHttpsHost.StartAsync(withTls: false);
        foreach (var (url, @ref, credential, step, code, words) in new (string, string?, object?, string, string, string)[]
        {
            ("file:///etc", null, null, "url", "invalid_url", "not supported"),
            ("https://ada:hunter2secret@git.example.com/x.git", null, null, "url", "invalid_url", "password"),
            (repository.Url, "a..b", null, "ref", "invalid_ref", ".."),
            (repository.Url, "missing", null, "ref", "ref_not_found", "refs/heads/main"),
            (repository.Url, "tags/v1.*", null, "ref", "ref_not_found", "tags/v1.*"),
            (repository.Url, new string('a', 40), null, "ref", "ref_not_found", "a"),
            (empty.Url, null, null, "ref", "empty_repository", "commit"),
            (secret.Url, null, null, "credential", "auth_failed", "give a credential"),
            (secret.Url, null, new { type = "basic", username = "ada", password = "hunter2wrong" }, "credential", "auth_failed", "wrong or has expired"),
            (repository.Url + "x.git", null, null, "credential", "not_found", "URL"),
            (hung.Url, null, null, "connection", "timeout", "10 s"),
            ($"{pages.Address}signin.git", null, null, "connection", "moved", "sign-in"),
            ($"{pages.Address}page.git", null, null, "connection", "protocol_error", ""),
            ($"http://127.0.0.1:{FreePort.Next()}/x.git", null, null, "connection", "unreachable", "nothing listens"),
            ("http://no-such-host.invalid/x.git", null, null, "connection", "unreachable", "cannot be resolved"),
            ("http://169.254.169.254/latest", null, null, "connection", "address_denied", "metadata"),
            ($"{_console.Address}x.git", null, null, "connection", "address_denied", "Ampora"),
            ("git@git.example.com:acme/fleet.git", null, new { type = "basic", username = "ada", password = "hunter2secret" }, "credential", "credential_unsupported", "ssh"),
        })
        {
            var result = await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url, @ref, credential });
            AssertFails(result, step, code, words);
            Assert.DoesNotContain("hunter2", result.ToJsonString(), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(_console.Logs.Lines, line => line.Contains("hunter2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_certificate_is_judged_by_the_authorities_that_were_given()
    {
        await using var host = await TestHttpsHost.StartAsync(withTls: true);
        await using var other = await TestHttpsHost.StartAsync(withTls: true);
        var url = $"{host.Address}x.git";
        AssertFails(await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url }), "connection", "tls_failed", "ca");
        AssertFails(await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url, credential = new { type = "none", ca = other.Authority } }), "connection", "tls_failed", "ca");
        // Trusted; that there is no repository is another matter.
        AssertFails(await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url, credential = new { type = "none", ca = host.Authority } }), "credential", "not_found", "404");
        AssertFails(
            await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url = url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), credential = new { type = "none", ca = host.Authority } }),
            "connection", "tls_failed", "not for localhost");
    }

    [Fact]
    public async Task What_an_ssh_host_or_openssh_refuses_is_told_likewise()
    {
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        await using var other = await SshGitServer.StartAsync(cancellationToken: Stop);
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.txt", "1"));
        var key = await host.CreateKeyAsync(passphrase: "hunter2secret", cancellationToken: Stop);
        var stranger = await host.CreateKeyAsync(authorized: false, cancellationToken: Stop);
        var url = $"{host.BaseUrl}/fleet.git";
        object Credential(SshKey of, string knownHosts, string? passphrase) => new { type = "ssh", privateKey = of.PrivateKey, passphrase, knownHosts };
        foreach (var (at, @ref, credential, step, code, words) in new (string, string?, object?, string, string, string)[]
        {
            (url, null, Credential(key, other.KnownHosts, "hunter2secret"), "connection", "host_key_unknown", "knownHosts"),
            (url, null, Credential(key, other.KnownAs($"[127.0.0.1]:{host.Port}"), "hunter2secret"), "connection", "host_key_changed", "known"),
            (url, null, Credential(stranger, host.KnownHosts, null), "credential", "auth_failed", "key"),
            (url, null, Credential(key, host.KnownHosts, "hunter2wrong"), "credential", "key_unreadable", "passphrase"),
            ($"{host.BaseUrl}/missing.git", null, Credential(key, host.KnownHosts, "hunter2secret"), "credential", "not_found", ""),
            (url, "missing", Credential(key, host.KnownHosts, "hunter2secret"), "ref", "ref_not_found", "refs/heads/main"),
            ($"ssh://127.0.0.1:{FreePort.Next()}/x.git", null, Credential(key, host.KnownHosts, "hunter2secret"), "connection", "unreachable", ""),
            ("ssh://169.254.169.254/x.git", null, Credential(key, host.KnownHosts, "hunter2secret"), "connection", "address_denied", "metadata"),
            (url, null, null, "credential", "credential_unsupported", "knownHosts"),
        })
        {
            var result = await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url = at, @ref, credential });
            AssertFails(result, step, code, words);
            Assert.DoesNotContain("hunter2", result.ToJsonString(), StringComparison.Ordinal);
            Assert.DoesNotContain(key.PrivateKey.Split('\n')[1], result.ToJsonString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_sources_own_credential_is_tried_for_its_host_alone_and_shown_to_who_may_see_it()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.txt", "1"));
        repository.RequireBasic("ada", "hunter2secret");
        var sourceId = await _console.CreateSourceAsync(url: repository.Url, credential: new { type = "basic", username = "ada", password = "hunter2secret" }, labels: new { team = "mine" });

        Assert.True((await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { sourceId }))["ok"]!.GetValue<bool>());
        Assert.True((await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url = repository.Url, sourceId }))["ok"]!.GetValue<bool>());
        AssertFails(await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, $$"""{"sourceId":"{{sourceId}}","credential":null}"""), "credential", "auth_failed", "private");
        AssertFails(await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { sourceId, @ref = "missing" }), "ref", "ref_not_found", "missing");
        var elsewhere = new { sourceId, url = "http://git.example.com/acme/fleet.git" };
        Assert.NotNull((await _console.Admin.RefusedAsync(422, "credential_required", HttpMethod.Post, Path, elsewhere))["errors"]!["credential"]);

        var limited = await _console.ClientAsync("operator", labels: new { team = "mine" });
        Assert.True((await limited.SendJsonAsync(HttpMethod.Post, Path, new { sourceId }))["ok"]!.GetValue<bool>());
        var others = await _console.ClientAsync("operator", labels: new { team = "theirs" });
        await others.RefusedAsync(404, "source_not_found", HttpMethod.Post, Path, new { sourceId });
        await others.RefusedAsync(404, "source_not_found", HttpMethod.Post, Path, new { sourceId = "no-such-source" });
        AssertFails(await others.SendJsonAsync(HttpMethod.Post, Path, new { url = repository.Url }), "credential", "auth_failed", "give a credential");

        foreach (var (body, field) in new[]
        {
            ("{}", "url"), ("""{"url":7}""", "url"), ("""{"url":"https://git.example.com/x.git","credential":"hunter2secret"}""", "credential"),
            ("""{"url":"https://git.example.com/x.git","credential":{"type":"bearer","token":"hunter2 secret"}}""", "credential.token"),
            ("""{"url":"https://git.example.com/x.git","verify":{}}""", "verify"),
        })
        {
            var problem = await _console.Admin.RefusedAsync(422, "invalid_source_test", HttpMethod.Post, Path, body);
            Assert.NotNull(problem["errors"]![field]);
            Assert.DoesNotContain("hunter2", problem.ToJsonString(), StringComparison.Ordinal);
        }

        // Who tried what, and what became of it.
        var entry = await RecordedAsync($"source:{sourceId}", "source.tested");
        Assert.Equal(("token:admin", repository.Url, "main"), (entry.Text("actor"), entry["detail"]!.Text("url"), "main"));
        Assert.DoesNotContain("hunter2", entry.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_so_many_are_tried_at_once()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.txt", "1"));
        using var gate = repository.Hold(GitRequestKind.InfoRefs);
        var first = Enumerable.Range(0, 8).Select(_ => _console.Admin.CallAsync(HttpMethod.Post, Path, new { url = repository.Url })).ToList();
        while (repository.Count(GitRequestKind.InfoRefs) < first.Count)
        {
            Assert.DoesNotContain(first, test => test.IsCompleted);
            await Task.Delay(10, Stop);
        }

        using var ninth = await _console.Admin.CallAsync(HttpMethod.Post, Path, new { url = "file:///x" });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ninth.StatusCode);
        Assert.Equal("too_many_source_tests", JsonNode.Parse(await ninth.Content.ReadAsStringAsync(Stop))!.Text("code"));
        Assert.NotNull(ninth.Headers.RetryAfter);
        gate.Open();
        foreach (var answer in await Task.WhenAll(first))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True((await _console.Admin.SendJsonAsync(HttpMethod.Post, Path, new { url = repository.Url }))["ok"]!.GetValue<bool>());
    }

    private static async Task<object> KeyOfAsync(SshGitServer host, string? passphrase = null)
    {
        var key = await host.CreateKeyAsync(passphrase: passphrase, cancellationToken: Stop);
        return new { type = "ssh", privateKey = key.PrivateKey, passphrase, knownHosts = host.KnownHosts };
    }

    private static void AssertFails(JsonNode result, string step, string code, string words)
    {
        Assert.False(result["ok"]!.GetValue<bool>(), result.ToJsonString());
        Assert.True(code == result["error"]!.Text("code"), result.ToJsonString());
        var steps = result["steps"]!.AsArray();
        var failed = Assert.Single(steps, s => (bool?)s!["ok"] == false)!;
        Assert.True(step == failed.Text("step"), result.ToJsonString());
        Assert.All(steps.Skip(steps.IndexOf(failed) + 1), later => Assert.Null(later!["ok"]));
        Assert.Contains(words, $"{result["error"]!.Text("detail")} {result["error"]!.Text("remedy")}", StringComparison.Ordinal);
        Assert.NotEmpty(result["error"]!.Text("remedy"));
    }

    private async Task<JsonNode> RecordedAsync(string subject, string action)
    {
        for (; ; await Task.Delay(50, Stop))
        {
            var page = await _console.Admin.GetJsonAsync($"/api/audit?subject={subject}&action={action}");
            if (page.Items() is [.., var oldest])
                return oldest;
        }
    }

    /// <summary>A console that may connect to Git hosts on this machine.</summary>
    public sealed class Local : IAsyncLifetime
    {
        private readonly SqliteFile _file = new();

        public TestConsole Console { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Console = await TestConsole.StartAsync(
            _file.ConnectionString, true, TestConsole.AdminToken, ("Ampora:Git:AllowedNetworks", "127.0.0.0/8"), ("Ampora:Git:TipDeadline", "00:00:10"));

        public async ValueTask DisposeAsync()
        {
            await Console.DisposeAsync();
            _file.Dispose();
        }
    }
}
