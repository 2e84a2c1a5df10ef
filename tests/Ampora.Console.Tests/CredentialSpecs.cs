using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ampora.Database;
using Ampora.Git.Credentials;
using Ampora.Store.Secrets;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class CredentialSpecs(Consoles consoles)
{
    private const string SshUrl = "git@git.example.com:acme/fleet.git";
    private const string HttpsUrl = "https://git.example.com/acme/fleet.git";
    private const string HostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_kind_of_credential_is_taken_kept_encrypted_and_shown_without_a_secret(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        var key = await host.CreateKeyAsync(passphrase: "correct horse", cancellationToken: Stop);
        var rsa = RsaKey();
        var ca = Authority();
        var cipher = console.Services.GetRequiredService<SecretCipher>();
        foreach (var (url, given, stored, secrets) in new (string, object, GitCredential, string[])[]
        {
            (HttpsUrl, new { type = "none", ca }, new GitCredential.None { Ca = ca }, []),
            (HttpsUrl, new { type = "bearer", token = "hunter2secret", ca = ca.Replace("\n", "\r\n", StringComparison.Ordinal) },
                new GitCredential.Bearer("hunter2secret") { Ca = ca }, ["hunter2secret"]),
            (SshUrl, new { type = "ssh", privateKey = key.PrivateKey.TrimEnd(), passphrase = "correct horse", knownHosts = $"# one host\ngit.example.com {HostKey}" },
                new GitCredential.Ssh(key.PrivateKey, "correct horse", $"# one host\ngit.example.com {HostKey}\n"), ["correct horse", Middle(key.PrivateKey)]),
            (HttpsUrl, new { type = "githubApp", appId = 123456, installationId = "98765432", privateKey = rsa },
                new GitCredential.GitHubApp("123456", "98765432", rsa), [Middle(rsa)]),
            (HttpsUrl, new { type = "githubApp", appId = "Iv23abcDEF", installationId = 1, privateKey = rsa },
                new GitCredential.GitHubApp("Iv23abcDEF", "1", rsa), [Middle(rsa)]),
        })
        {
            var id = await console.CreateSourceAsync(credential: given, url: url);
            await using var context = console.Store.Read();
            var row = await context.Credentials.AsNoTracking().SingleAsync(c => c.SourceId == id, Stop);
            Assert.Equal(stored, StoredCredential.Decrypt(cipher, id, row.Encrypted));
            var shown = await console.Admin.GetJsonAsync($"/api/git/sources/{id}");
            Assert.Equal(stored.Ca is not null, shown["credential"]!["hasCa"]!.GetValue<bool>());
            foreach (var secret in secrets)
            {
                Assert.DoesNotContain(secret, shown.ToJsonString(), StringComparison.Ordinal);
                Assert.DoesNotContain(secret, Encoding.Latin1.GetString(row.Encrypted), StringComparison.Ordinal);
            }

            // Shown, and sent back as it is: nothing changes.
            shown["owner"] = "ada";
            var replaced = await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{id}", shown);
            Assert.Equal("ada", replaced.Text("owner"));
            Assert.Equal(row.UpdatedAt, (await context.Credentials.AsNoTracking().SingleAsync(c => c.SourceId == id, Stop)).UpdatedAt);
        }
    }

    [Fact]
    public async Task An_ssh_keys_fingerprint_is_shown_as_git_hosts_show_it()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        foreach (var (type, passphrase, format) in new[] { ("ed25519", "correct horse", "RFC4716"), ("rsa", null, "RFC4716"), ("ecdsa", null, "PEM"), ("rsa", "correct horse", "PKCS8") })
        {
            var key = await host.CreateKeyAsync(type, passphrase, format: format, cancellationToken: Stop);
            var id = await console.CreateSourceAsync(
                url: SshUrl, credential: new { type = "ssh", privateKey = key.PrivateKey, passphrase, knownHosts = $"git.example.com {HostKey}" });
            var digest = SHA256.HashData(Convert.FromBase64String(key.PublicKey.Split(' ')[1]));
            var expected = format == "RFC4716" ? "SHA256:" + Convert.ToBase64String(digest).TrimEnd('=') : null;
            Assert.Equal(expected, (string?)(await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["credential"]!["fingerprint"]);
        }
    }

    [Fact]
    public async Task A_key_that_cannot_work_is_refused_with_what_to_do_and_none_of_it()
    {
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        var plain = await host.CreateKeyAsync(cancellationToken: Stop);
        var encrypted = await host.CreateKeyAsync(passphrase: "correct horse", cancellationToken: Stop);
        var older = await host.CreateKeyAsync("rsa", "correct horse", format: "PEM", cancellationToken: Stop);
        var lines = plain.PrivateKey.Split('\n');
        var known = $"git.example.com {HostKey}";
        object Ssh(string privateKey, string knownHosts, string? passphrase = null) => new { type = "ssh", privateKey, passphrase, knownHosts };
        object App(string privateKey, object? appId = null, object? installationId = null) =>
            new { type = "githubApp", appId = appId ?? 1, installationId = installationId ?? 1, privateKey };
        foreach (var (credential, field, words) in new (object, string, string)[]
        {
            (Ssh(plain.PublicKey, known), "privateKey", "public key"),
            (Ssh("PuTTY-User-Key-File-3: ssh-ed25519\nhunter2", known), "privateKey", "puttygen"),
            (Ssh("hunter2", known), "privateKey", "BEGIN OPENSSH PRIVATE KEY"),
            (Ssh(string.Concat(lines), known), "privateKey", "line breaks"),
            (Ssh(string.Join('\n', lines.Where((_, i) => i != 2)), known), "privateKey", "cut off"),
            (Ssh("-----BEGIN DSA PRIVATE KEY-----\nhunter2\n-----END DSA PRIVATE KEY-----", known), "privateKey", "ed25519"),
            (Ssh(encrypted.PrivateKey, known), "passphrase", "encrypted"),
            (Ssh(older.PrivateKey, known), "passphrase", "encrypted"),
            (Ssh(plain.PrivateKey, ""), "knownHosts", "no host key"),
            (Ssh(plain.PrivateKey, "# nothing"), "knownHosts", "no host key"),
            (Ssh(plain.PrivateKey, HostKey), "knownHosts", "Line 1 has no host"),
            (Ssh(plain.PrivateKey, known + "\ngit.example.com ssh-rsa AAAA"), "knownHosts", "Line 2"),
            (Ssh(plain.PrivateKey, known.Replace("ssh-ed25519", "ssh-rsa", StringComparison.Ordinal)), "knownHosts", "Line 1"),
            (Ssh(plain.PrivateKey, $"other.example.com {HostKey}"), "knownHosts", "git.example.com"),
            (App("hunter2"), "privateKey", "BEGIN RSA PRIVATE KEY"),
            (App(plain.PrivateKey), "privateKey", "BEGIN RSA PRIVATE KEY"),
            (App(RsaKey(1024)), "privateKey", "2048"),
            (App(RsaKey(), appId: "my-app"), "appId", "App ID"),
            (App(RsaKey(), installationId: "0"), "installationId", "installations"),
            (App(RsaKey(), installationId: -1), "installationId", "installations"),
        })
        {
            var url = credential.GetType().GetProperty("knownHosts") is null ? HttpsUrl : SshUrl;
            var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
            var problem = await console.Admin.RefusedAsync(
                422, "invalid_source", HttpMethod.Post, "/api/git/sources", new { id = TestConsole.Unique("s"), url, credential });
            Assert.Contains(words, problem["errors"]![$"credential.{field}"]![0]!.GetValue<string>(), StringComparison.Ordinal);
            foreach (var secret in new[] { "hunter2", Middle(plain.PrivateKey), Middle(encrypted.PrivateKey) })
                Assert.DoesNotContain(secret, problem.ToJsonString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_does_not_go_with_the_url_is_refused()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        await using var host = await SshGitServer.StartAsync(cancellationToken: Stop);
        var key = await host.CreateKeyAsync(cancellationToken: Stop);
        object ssh = new { type = "ssh", privateKey = key.PrivateKey, knownHosts = $"git.example.com {HostKey}" };
        foreach (var (url, credential) in new (string, object?)[]
        {
            (SshUrl, null), (SshUrl, new { type = "basic", username = "u", password = "p" }), (SshUrl, new { type = "none", ca = Authority() }), (HttpsUrl, ssh),
            ("ssh://git.example.com/x.git", new { type = "githubApp", appId = 1, installationId = 2, privateKey = RsaKey() }),
            ("http://git.example.com/x.git", new { type = "bearer", token = "t", ca = Authority() }),
        })
        {
            var problem = await console.Admin.RefusedAsync(
                422, "unsupported_credential", HttpMethod.Post, "/api/git/sources", new { id = TestConsole.Unique("s"), url, credential });
            Assert.NotNull(problem["errors"]!["credential"]);
        }

        var id = await console.CreateSourceAsync(url: SshUrl, credential: ssh);
        var path = $"/api/git/sources/{id}";
        await console.Admin.RefusedAsync(422, "unsupported_credential", HttpMethod.Patch, path, """{"credential":null}""");
        await console.Admin.RefusedAsync(422, "credential_required", HttpMethod.Patch, path, new { url = HttpsUrl });
        await console.Admin.RefusedAsync(422, "credential_required", HttpMethod.Patch, path, new { url = "ssh://git.example.com:2222/acme/fleet.git" });
        // The same host, port and scheme in its other form.
        var moved = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { url = "ssh://git@git.example.com/acme/other.git" });
        Assert.Equal("ssh", moved["credential"]!.Text("type"));
        var changed = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, $$"""{"url":"{{HttpsUrl}}","credential":null}""");
        Assert.Null(changed["credential"]);
    }

    private static string Middle(string key) => key.Split('\n')[1];

    private static string RsaKey(int bits = 2048)
    {
        using var rsa = RSA.Create(bits);
        return rsa.ExportRSAPrivateKeyPem() + "\n";
    }

    private static string Authority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=Test", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        return certificate.ExportCertificatePem() + "\n";
    }
}
