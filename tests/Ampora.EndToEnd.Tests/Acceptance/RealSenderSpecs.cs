using Ampora.Deployments;
using Ampora.EndToEnd.Tests.Senders;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>Senders that others wrote: libraries that sign, and Git servers that run hooks. The hooks are those that the documentation shows.</summary>
public abstract class RealSenderSpecs(Deployment deployment)
{
    [Theory]
    [InlineData("github", "github.mjs")]
    [InlineData("standard-webhooks", "standard-webhooks.mjs")]
    public async Task A_push_that_a_senders_own_library_signed_makes_a_run(string auth, string script)
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync(auth);
        var sha = await source.Repository.CommitAsync(("signed", "1"));

        var answer = await NodeSenders.SendAsync(
            script, $"{deployment.BaseUrl}{source.WebhookPath}", source.WebhookToken, GitHubDelivery.PushOf(source.Repository.Url, sha));

        Assert.Equal(202, answer["status"]!.GetValue<int>());
        Assert.Equal("accepted", answer["body"]!["verdict"]!.GetValue<string>());
        Assert.Equal("webhook", (await source.WaitForRunAsync(sha))["trigger"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_push_to_a_bare_repository_with_the_documented_hook_makes_a_run()
    {
        var source = await deployment.WatchAsync();
        var folder = Directory.CreateTempSubdirectory("ampora-plain-git-").FullName;
        try
        {
            var settings = Path.Combine(folder, "settings");
            await WriteCurlSettingsAsync(settings, source);
            var hook = HookAfter("## A `post-receive` hook").Replace("/srv/git/ampora/fleet", settings, StringComparison.Ordinal);
            var hooks = Directory.CreateDirectory(Path.Combine(source.Repository.FolderPath, "hooks")).FullName;
            await Executable.WriteAsync(Path.Combine(hooks, "post-receive"), hook, Deployment.Token);
            var copy = Path.Combine(folder, "copy");
            await GitProgram.RunAsync(null, ["clone", "--quiet", source.Repository.FolderPath, copy], null, Deployment.Token);
            await File.WriteAllTextAsync(Path.Combine(copy, "pushed"), "1", Deployment.Token);
            await GitProgram.RunAsync(copy, ["add", "--all"], null, Deployment.Token);
            await GitProgram.RunAsync(copy, ["commit", "--quiet", "--message", "Push for real"], null, Deployment.Token);

            await GitProgram.RunAsync(copy, ["push", "--quiet", "origin", "main:elsewhere"], null, Deployment.Token);
            Assert.Empty(await source.DeliveriesAsync());
            await GitProgram.RunAsync(copy, ["push", "--quiet", "origin", "main"], null, Deployment.Token);

            var sha = (await source.Repository.TipAsync())!;
            Assert.Equal("webhook", (await source.WaitForRunAsync(sha))["trigger"]!.GetValue<string>());
            Assert.Equal("accepted", Assert.Single(await source.DeliveriesAsync())["verdict"]!.GetValue<string>());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_push_through_gitolite_with_the_documented_hook_makes_a_run()
    {
        using var gitolite = await GitoliteServer.StartAsync(Deployment.Token);
        await gitolite.AddHookAsync("ampora", HookAfter("## gitolite 3"), Deployment.Token);
        var name = $"gitolite-{Guid.NewGuid():n}"[..20];
        var repository = deployment.Git.Serve(name, await gitolite.AddRepositoryAsync(name, "ampora", Deployment.Token));
        // Without its settings the hook complains to the one who pushes, and the push stands.
        await gitolite.PushAsync(name, "README.md", "# first\n", Deployment.Token);
        var source = await deployment.WatchAsync(id: name, repository: repository);
        var settings = Directory.CreateDirectory(Path.Combine(gitolite.Home, "ampora")).FullName;
        await WriteCurlSettingsAsync(Path.Combine(settings, name), source);

        var sha = await gitolite.PushAsync(name, "README.md", "# second\n", Deployment.Token);

        Assert.Equal("webhook", (await source.WaitForRunAsync(sha))["trigger"]!.GetValue<string>());
        Assert.Equal("accepted", Assert.Single(await source.DeliveriesAsync())["verdict"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_documented_shell_lines_sign_what_a_source_of_standard_webhooks_accepts()
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync("standard-webhooks");
        var sha = await source.Repository.CommitAsync(("signed", "1"));

        var answer = await StandaloneProcess.PasteAsync(
            $"secret='{source.WebhookToken}' url='{deployment.BaseUrl}{source.WebhookPath}'\n{{ {Documented("standard-webhooks.md", "With a shell:", "id=")} }}");

        Assert.Contains("\"accepted\"", answer, StringComparison.Ordinal);
        await source.WaitForRunAsync(sha);
    }

    private static string HookAfter(string heading) => Documented("plain-git.md", heading, "#!/bin/sh");

    // The first lines of code below a text of a page in docs/webhooks that begin so: what is documented is what is tested.
    private static string Documented(string page, string below, string begin)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Ampora.sln")))
            root = root.Parent ?? throw new InvalidOperationException("the tests run outside of their repository");
        var lines = File.ReadAllLines(Path.Combine(root.FullName, "docs", "webhooks", page))
            .SkipWhile(line => line != below)
            .SkipWhile(line => !line.TrimStart().StartsWith(begin, StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal))
            .ToList();
        Assert.True(lines.Count > 0, $"{page} has no code below '{below}' that begins with '{begin}'");
        var indented = lines[0].Length - lines[0].TrimStart().Length;
        return string.Concat(lines.Select(line => line[indented..] + "\n"));
    }

    private Task WriteCurlSettingsAsync(string path, WatchedSource source) => File.WriteAllTextAsync(
        path, $"url = \"{deployment.BaseUrl}{source.WebhookPath}\"\nheader = \"X-Ampora-Webhook-Token: {source.WebhookToken}\"\n", Deployment.Token);
}
