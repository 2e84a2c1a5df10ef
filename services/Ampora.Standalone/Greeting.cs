using Ampora.Database;
using Ampora.Store;

namespace Ampora.Standalone;

/// <summary>Registers the source that was asked for, and says where everything is.</summary>
internal sealed class Greeting(StandaloneOptions options, DataFolder folder)
{
    // The API's fields by the options that fill them.
    private static readonly Dictionary<string, string> Options = new(StringComparer.Ordinal)
    {
        ["url"] = "--source",
        ["ref"] = "--ref",
        ["credential.username"] = "--username",
        ["credential.password"] = "--password-file",
        ["credential.privateKey"] = "--ssh-key",
        ["credential.passphrase"] = "--passphrase-file",
        ["credential.knownHosts"] = "--known-hosts",
    };

    private readonly TaskCompletionSource _said = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the greeting is on the screen, so that what happens meanwhile is told after it.</summary>
    public Task Said => _said.Task;

    /// <summary>The token of the management API, and whether it is new.</summary>
    public (string Text, bool Made) AdminToken { get; set; }

    /// <summary>What the process ends with when the host ended in order: not 0 when the source could not be registered.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Says it, when the host serves.</summary>
    public async Task SayAsync(WebApplication app, CancellationToken stopping)
    {
        try
        {
            // Only one that is elsewhere may be away.
            await app.Services.GetRequiredService<Database<StoreContext>>().WaitUntilMigratedAsync(stopping);
            using var api = new LocalApi(app, AdminToken.Text);
            var source = options.Source is null ? null : await SourceRegistration.RegisterAsync(
                api, options, id => new AppliedCredential(folder, app.Configuration["AMPORA_MASTER_KEY"]!, id, options), stopping);
            foreach (var line in Lines(api, app.Configuration["Ampora:PublicUrl"], source))
                await System.Console.Out.WriteLineAsync(line);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // ^C before the greeting: there is nobody to greet.
        }
        catch (ApiRefusedException e)
        {
            foreach (var (field, message) in e.Complaints)
                await ComplainAsync(field is null ? message : $"{OptionOf(field)}: {message}");
            ExitCode = e.IsBadRequest ? CommandLine.BadUsageExitCode : 1;
            app.Lifetime.StopApplication();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            await ComplainAsync($"the source could not be registered: {e.Message}");
            ExitCode = 1;
            app.Lifetime.StopApplication();
        }
        finally
        {
            _said.TrySetResult();
        }
    }

    private IEnumerable<string> Lines(LocalApi api, string? publicUrl, RegisteredSource? source)
    {
        var ui = string.IsNullOrEmpty(publicUrl) ? api.Address.AbsoluteUri : publicUrl;
        yield return $"Ampora serves {ui}";
        yield return $"  data        {folder.Path}";
        if (AdminToken.Made)
            yield return $"  admin token {AdminToken.Text}  (shown once; kept in {folder.AdminTokenFile})";
        if (source is null)
        {
            yield return "  sources     those registered already; --source URL adds one";
            yield return "";
            yield break;
        }

        yield return $"  source      {OneLine.Of(source.Id)}: {OneLine.Of(source.Url)} ({OneLine.Of(source.Ref)})";
        yield return $"  webhook     {source.Webhook.Url}";
        var isToken = source.Webhook.Auth == WebhookCommand.Token;
        if (source.Webhook.Secret is { } secret)
        {
            yield return isToken
                ? $"  token       {secret}  (shown once; the Git host sends it as X-Ampora-Webhook-Token, or as ?token=)"
                : $"  secret      {secret}  (shown once; paste it into the webhook's field \"{source.Webhook.Field}\" at the Git host)";
            yield return "";
            yield return "Push a commit, then tell Ampora as the Git host would; a run follows when there is something new:";
            yield return "";
            yield return $"  {WebhookCommand.Of(source.Webhook.Auth, source.Webhook.Url, secret)}";
        }
        else
        {
            yield return $"  {(isToken ? "token " : "secret")}      shown when it was made; for a new one POST to …/webhook/token";
            yield return "";
            yield return "To have it checked now:";
            yield return "";
            yield return $"  curl -sS -X POST -H \"Authorization: Bearer $(cat {Quoted(folder.AdminTokenFile)})\" {new Uri(api.Address, $"api/git/sources/{source.Id}/check")}";
        }

        yield return "";
    }

    private string OptionOf(string field) =>
        field == "credential" ? options.Source!.IsSsh ? "--ssh-key" : "--username" : Options.GetValueOrDefault(field, field);

    private static string Quoted(string path) => "'" + path.Replace("'", @"'\''", StringComparison.Ordinal) + "'";

    private static Task ComplainAsync(string line) => System.Console.Error.WriteLineAsync($"ampora-standalone: {OneLine.Of(line)}");
}
