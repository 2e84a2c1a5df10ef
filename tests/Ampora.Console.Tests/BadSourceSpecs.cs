using Ampora.Database;

namespace Ampora.Console.Tests;

public sealed class BadSourceSpecs(Consoles consoles)
{
    [Theory]
    [InlineData("ext::sh -c id")]
    [InlineData("file:///etc")]
    [InlineData("/srv/x")]
    [InlineData("../x")]
    [InlineData("ssh://-oProxyCommand=id/x")]
    [InlineData("--upload-pack=id")]
    [InlineData("https://git.example.com/a%0ab.git")]
    [InlineData("https://git.example.com/a\rb.git")]
    [InlineData("https://git.example.com/a\u001bb.git")]
    [InlineData("https:///x.git")]
    [InlineData("https://")]
    [InlineData("")]
    [InlineData("http://169.254.169.254/latest")]
    [InlineData("http://[::ffff:169.254.169.254]/x.git")]
    [InlineData("http://0x7f000001/x.git")]
    [InlineData("http://2130706433/x.git")]
    [InlineData("http://0.0.0.0/x.git")]
    [InlineData("http://127.0.0.1/x.git")]
    [InlineData("http://[::1]/x.git")]
    [InlineData("http://localhost/x.git")]
    [InlineData("git://git.example.com/fleet.git")]
    [InlineData("javascript:alert(1)")]
    public async Task A_url_that_is_not_safe_is_refused_with_the_field_and_the_reason(string url)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(422, "invalid_source", HttpMethod.Post, "/api/git/sources", new { id = TestConsole.Unique("s"), url });
        Assert.NotEmpty(Assert.Single(problem["errors"]!.AsObject(), e => e.Key == "url").Value![0]!.GetValue<string>());
    }

    [Theory]
    [InlineData("https://user:hunter2secret@git.example.com/x.git")]
    [InlineData("user:hunter2secret@git.example.com")]
    [InlineData("https://hunter2secret@git.example.com/x.git")]
    [InlineData("https://user:hunter2secret@169.254.169.254/x.git")]
    public async Task A_password_in_a_url_is_refused_and_never_echoed(string url)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(422, "invalid_source", HttpMethod.Post, "/api/git/sources", new { id = TestConsole.Unique("s"), url });
        Assert.NotNull(problem["errors"]!["url"]);
        Assert.DoesNotContain("hunter2", problem.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"ref":"--upload-pack=id"}""", "ref", "invalid_source")]
    [InlineData("""{"ref":"a..b"}""", "ref", "invalid_source")]
    [InlineData("""{"ref":"a b"}""", "ref", "invalid_source")]
    [InlineData("""{"ref":7}""", "ref", "invalid_source")]
    [InlineData("""{"pollIntervalSeconds":0}""", "pollIntervalSeconds", "invalid_source")]
    [InlineData("""{"pollIntervalSeconds":86401}""", "pollIntervalSeconds", "invalid_source")]
    [InlineData("""{"pollIntervalSeconds":1.5}""", "pollIntervalSeconds", "invalid_source")]
    [InlineData("""{"pollIntervalSeconds":"60"}""", "pollIntervalSeconds", "invalid_source")]
    [InlineData("""{"polling":"sometimes"}""", "polling", "invalid_source")]
    [InlineData("""{"paused":"no"}""", "paused", "invalid_source")]
    [InlineData("""{"labels":[]}""", "labels", "invalid_source")]
    [InlineData("""{"labels":{"a b":"c"}}""", "labels", "invalid_source")]
    [InlineData("""{"labels":{"":"c"}}""", "labels", "invalid_source")]
    [InlineData("""{"labels":{"a":1}}""", "labels.a", "invalid_source")]
    [InlineData("""{"labels":{"a":"x\u0000y"}}""", "labels.a", "invalid_source")]
    [InlineData("""{"owner":"x\u0000y"}""", "owner", "invalid_source")]
    [InlineData("""{"owner":"\ud800"}""", "owner", "invalid_source")]
    [InlineData("""{"descripton":"misspelt"}""", "descripton", "invalid_source")]
    [InlineData("""{"state":{}}""", "state", "invalid_source")]
    [InlineData("""{"ref":"v1.*"}""", "ref", "invalid_source")]
    [InlineData("""{"ref":"tags/v*.*.*"}""", "ref", "invalid_source")]
    [InlineData("""{"ref":"ABCDEF0123456789abcdef0123456789abcdef01"}""", "ref", "invalid_source")]
    [InlineData("""{"include":"apps/**"}""", "include", "invalid_source")]
    [InlineData("""{"include":["apps/**",7]}""", "include", "invalid_source")]
    [InlineData("""{"include":["apps/**\nother"]}""", "include", "invalid_source")]
    [InlineData("""{"exclude":["a\u0000b"]}""", "exclude", "invalid_source")]
    [InlineData("""{"verify":"hunter2secret"}""", "verify", "invalid_source")]
    [InlineData("""{"verify":{}}""", "verify.allowedSigners", "invalid_source")]
    [InlineData("""{"verify":{"allowedSigners":""}}""", "verify.allowedSigners", "invalid_source")]
    [InlineData("""{"verify":{"allowedSigners":"ada@example.org hunter2secret"}}""", "verify.allowedSigners", "invalid_source")]
    [InlineData("""{"verify":{"allowedSigners":"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2secret"}}""", "verify.allowedSigners", "invalid_source")]
    [InlineData("""{"verify":{"signers":[]}}""", "verify.signers", "invalid_source")]
    [InlineData("""{"webhook":{"auth":"md5"}}""", "webhook.auth", "invalid_source")]
    [InlineData("""{"webhook":{"auth":"token","secret":"hunter2secret "}}""", "webhook.secret", "invalid_source")]
    [InlineData("""{"webhook":"github"}""", "webhook", "invalid_source")]
    [InlineData("""{"credential":"hunter2secret"}""", "credential", "invalid_source")]
    [InlineData("""{"credential":{}}""", "credential.type", "invalid_source")]
    [InlineData("""{"credential":{"type":"kerberos","privateKey":"hunter2secret"}}""", "credential.type", "invalid_source")]
    [InlineData("""{"credential":{"type":"bearer","token":"hunter2secret","ca":"hunter2secret"}}""", "credential.ca", "invalid_source")]
    [InlineData("""{"credential":{"type":"bearer","token":"hunter2secret","ca":7}}""", "credential.ca", "invalid_source")]
    [InlineData("""{"credential":{"type":"none"}}""", "credential.ca", "invalid_source")]
    [InlineData("""{"credential":{"type":"bearer","token":"hunter2 secret"}}""", "credential.token", "invalid_source")]
    [InlineData("""{"credential":{"type":"basic","username":"u"}}""", "credential.password", "invalid_source")]
    [InlineData("""{"credential":{"type":"basic","username":"a:b","password":"hunter2secret"}}""", "credential.username", "invalid_source")]
    [InlineData("""{"credential":{"type":"basic","username":"a","password":"hunter2secret\n"}}""", "credential.password", "invalid_source")]
    [InlineData("""{"credential":{"type":"basic","username":"a","password":"hunter2secret","pasword":"x"}}""", "credential.pasword", "invalid_source")]
    [InlineData("""{"id":"Upper"}""", "id", "invalid_source")]
    [InlineData("""{"id":"a/b"}""", "id", "invalid_source")]
    [InlineData("""{"id":""}""", "id", "invalid_source")]
    [InlineData("""{"id":null}""", "id", "invalid_source")]
    public async Task A_bad_field_is_named_with_what_it_should_be(string fields, string field, string code)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        // As text: what is not valid Unicode must arrive as it is.
        var head = $"{{\"url\":\"https://git.example.com/x.git\"{(fields.StartsWith("{\"id\"", StringComparison.Ordinal) ? "" : $",\"id\":\"{TestConsole.Unique("s")}\"")},";
        var problem = await console.Admin.RefusedAsync(422, code, HttpMethod.Post, "/api/git/sources", head + fields[1..]);
        Assert.NotNull(problem["errors"]![field]);
        Assert.DoesNotContain("hunter2", problem.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_at_once()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(
            422, "invalid_source", HttpMethod.Post, "/api/git/sources", """{"id":"X","url":"/srv/x","ref":"-x","pollIntervalSeconds":0,"polling":"no","nonsense":1}""");
        Assert.Equal(["id", "nonsense", "pollIntervalSeconds", "polling", "ref", "url"], problem["errors"]!.AsObject().Select(e => e.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Too_many_and_too_long_is_refused()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = TestConsole.Unique("s");
        var labels = Enumerable.Range(0, 65).ToDictionary(i => $"k{i}", i => "v");
        var problem = await console.Admin.RefusedAsync(422, "invalid_source", HttpMethod.Post, "/api/git/sources", new
        {
            id,
            url = "https://git.example.com/" + new string('x', 3000),
            labels,
            owner = new string('o', 201),
            description = new string('d', 1001),
            @ref = new string('r', 2000),
        });
        Assert.Equal(["description", "labels", "owner", "ref", "url"], problem["errors"]!.AsObject().Select(e => e.Key).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"id":"x",}""")]
    [InlineData("""{"id":"x" // no""")]
    [InlineData("""{"id":"x","id":"y"}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    public async Task Malformed_json_is_refused_with_its_place_and_without_quoting_it(string body)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        await console.Admin.RefusedAsync(400, "invalid_json", HttpMethod.Post, "/api/git/sources", body);
        var problem = await console.Admin.RefusedAsync(400, "invalid_json", HttpMethod.Post, "/api/git/sources", """{"credential":{"password":hunter2secret}}""");
        Assert.Contains("line 1, byte ", problem.Text("detail"), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", problem.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_that_is_too_deep_too_large_or_not_said_to_be_json_is_refused()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var deep = $$"""{"id":{{new string('[', 10_000)}}{{new string(']', 10_000)}}}""";
        await console.Admin.RefusedAsync(400, "invalid_json", HttpMethod.Post, "/api/git/sources", deep);
        await console.Admin.RefusedAsync(413, "body_too_large", HttpMethod.Post, "/api/git/sources", $$"""{"id":"{{new string('x', 1024 * 1024)}}"}""");
        using var form = new FormUrlEncodedContent([new("id", "x")]);
        using var response = await console.Admin.PostAsync("/api/git/sources", form, TestContext.Current.CancellationToken);
        Assert.Equal(415, (int)response.StatusCode);
    }
}
