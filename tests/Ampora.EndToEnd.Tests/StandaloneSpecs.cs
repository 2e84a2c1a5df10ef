using System.Net;
using System.Net.Sockets;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests;

/// <summary>The first thing that a newcomer runs.</summary>
public sealed class StandaloneSpecs : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ampora-standalone-");

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public async Task One_command_watches_a_repository_and_the_command_it_prints_works_as_pasted()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository("acme/Fleet.Config");
        var first = await repository.CommitAsync(("a.yaml", "1"), ("b.yaml", "1"));
        await using var ampora = Start("--source", repository.Url);

        var curl = await ampora.CurlAsync();
        await ampora.LineAsync($"fleet-config: {first[..7]} \"Change a.yaml, b.yaml\" initial, 2 files changed, ");
        var second = await repository.CommitAsync(("a.yaml", "2"));
        var answer = await StandaloneProcess.PasteAsync(curl);

        Assert.Contains("\"accepted\"", answer, StringComparison.Ordinal);
        await ampora.LineAsync($"fleet-config: {second[..7]} \"Change a.yaml\" webhook, 1 file changed, ");
        Assert.Equal(0, await ampora.InterruptAsync());
        Assert.Empty(ampora.Errors);
    }

    [Fact]
    public async Task A_restart_carries_on_where_it_was_and_shows_no_secret_again()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        await repository.CommitAsync(("a.yaml", "1"));
        string curl;
        await using (var first = Start("--source", repository.Url))
        {
            await first.CurlAsync();
            await first.LineAsync(" initial, ");
            Assert.Equal(2, string.Join('\n', first.Output).Split("(shown once").Length - 1);
            Assert.Equal(0, await first.InterruptAsync());
        }

        var missed = await repository.CommitAsync(("a.yaml", "2"));
        await using var second = Start("--source", repository.Url, "--ref", "main");
        curl = await second.CurlAsync();
        await StandaloneProcess.PasteAsync(curl);

        // Whichever comes first: the check that was asked for, or the one that the changed ref makes.
        await second.LineAsync($"fleet: {missed[..7]} ");
        Assert.DoesNotContain(second.Output, line => line.Contains("amp_", StringComparison.Ordinal));
        Assert.DoesNotContain(second.Output, line => line.Contains("fleet-2", StringComparison.Ordinal));
        Assert.Equal(0, await second.InterruptAsync());
        Assert.Empty(second.Errors);
    }

    [Fact]
    public async Task A_private_repository_is_explained_in_one_line_and_mended_by_the_options_it_names()
    {
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        repository.RequireBasic("ada", "correct horse");
        var tip = await repository.CommitAsync(("a.yaml", "1"));
        await using (var ampora = Start("--source", repository.Url))
        {
            var line = await ampora.LineAsync("fleet: 401 from ");
            Assert.Matches("; retry in [0-9]+ s; see --username$", line);
            await ampora.InterruptAsync();
        }

        var password = Path.Combine(_data.FullName, "password");
        await File.WriteAllTextAsync(password, "correct horse\n", TestContext.Current.CancellationToken);
        string[] credential = ["--source", repository.Url, "--username", "ada", "--password-file", password];
        await using (var ampora = Start(credential))
        {
            await ampora.LineAsync($"fleet: {tip[..7]} ");
            Assert.Equal(0, await ampora.InterruptAsync());
        }

        // The same credential again is no change: nothing is fetched anew.
        repository.ForgetRequests();
        await using (var ampora = Start(credential))
        {
            await StandaloneProcess.PasteAsync(await ampora.CurlAsync());
            while (repository.Count(GitRequestKind.LsRefs) == 0)
                await Task.Delay(20, TestContext.Current.CancellationToken);
            Assert.Equal(0, await ampora.InterruptAsync());
        }

        Assert.Equal(0, repository.Count(GitRequestKind.Fetch));
        foreach (var file in new DirectoryInfo(Folder).GetFiles("*", SearchOption.AllDirectories))
            Assert.True((await File.ReadAllBytesAsync(file.FullName, TestContext.Current.CancellationToken)).AsSpan().IndexOf("correct horse"u8) < 0, file.Name);
    }

    [Fact]
    public async Task What_must_stay_secret_is_its_owners_alone()
    {
        await using var ampora = Start();
        await ampora.LineAsync("--source URL adds one");

        foreach (var name in (string[])["master-key", "admin-token", "store.db", "audit.db"])
            Assert.Equal("600", (await StandaloneProcess.PasteAsync($"stat -c %a '{Path.Combine(Folder, name)}'")).Trim());
        Assert.Equal(0, await ampora.InterruptAsync());
    }

    [Fact]
    public async Task A_second_one_on_the_same_folder_is_refused_in_one_line()
    {
        await using var first = Start();
        await first.LineAsync("Ampora serves ");

        await using var second = Start();

        Assert.Equal(73, await second.ExitCodeAsync());
        Assert.Contains("another Ampora is running on ", Assert.Single(second.Errors), StringComparison.Ordinal);
        Assert.Empty(second.Output);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";

        await using var ampora = Start("--urls", url);

        Assert.NotEqual(0, await ampora.ExitCodeAsync());
        var line = Assert.Single(ampora.Errors.Concat(ampora.Output));
        Assert.Contains(url["http://".Length..], line, StringComparison.Ordinal);
        Assert.Contains("in use", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--source", "http://169.254.169.254/x.git")]
    [InlineData("--ref", "--upload-pack=id")]
    public async Task A_source_that_the_API_refuses_ends_it_with_the_option_named(string option, string value)
    {
        await using var ampora = option == "--source" ? Start(option, value) : Start("--source", "http://127.0.0.1:9/x.git", $"{option}={value}");

        Assert.Equal(64, await ampora.ExitCodeAsync());
        Assert.StartsWith($"ampora-standalone: {option}: ", Assert.Single(ampora.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--bogus")]
    [InlineData("--ref", "main")]
    [InlineData("--source", "file:///srv/repo.git")]
    [InlineData("--source", "git@host:org/repo.git", "--username", "ada", "--password-file", "/etc/hostname")]
    [InlineData("--source", "https://host/repo.git", "--ssh-key", "/etc/hostname")]
    [InlineData("--source", "git@host:org/repo.git", "--known-hosts", "/etc/hostname")]
    [InlineData("--ssh-key", "/etc/hostname")]
    [InlineData("--source", "https://ada:secret@host/repo.git")]
    [InlineData("--source", "https://host/repo.git", "--username", "ada")]
    [InlineData("--source", "https://host/repo.git", "--username", "ada", "--password-file", "/nonexistent")]
    public async Task A_command_line_that_cannot_be_read_is_told_what_to_do(params string[] arguments)
    {
        await using var ampora = StandaloneProcess.Start(arguments);

        Assert.Equal(64, await ampora.ExitCodeAsync());
        Assert.Equal(2, ampora.Errors.Count);
        Assert.DoesNotContain(ampora.Errors, line => line.Contains("secret", StringComparison.Ordinal));
        Assert.Empty(ampora.Output);
    }

    private string Folder => Path.Combine(_data.FullName, "data");

    private StandaloneProcess Start(params string[] arguments) => StandaloneProcess.Start(["--data", Folder, .. arguments]);
}
