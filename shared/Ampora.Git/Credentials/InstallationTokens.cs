using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Ampora.Git.Http;
using Ampora.Git.Protocol;

namespace Ampora.Git.Credentials;

/// <summary>
/// Gets and keeps the tokens of GitHub App installations (https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app). A token
/// lasts an hour and is made anew before it ends, once for all who need it. Only memory holds it.
/// </summary>
internal sealed class InstallationTokens(GitHttp http, HostGate hosts, TimeProvider time)
{
    // A fetch that begins with the last of a token must still end with it.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    // From here on two clocks disagree more than what the assertion allows for.
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    // Organisations have one installation; beyond, making one again is cheap.
    private const int MaxKept = 10_000;

    // GitHub's answer has some hundred bytes, and each repository of a limited installation some thousand; they are of no use here.
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

    private readonly ConcurrentDictionary<(string Api, string Credential), Kept> _kept = new();

    /// <summary>A token that is good for some minutes yet.</summary>
    /// <exception cref="GitException">GitHub gives none.</exception>
    public async ValueTask<string> GetAsync(GitRemote remote, GitCredential.GitHubApp app, CancellationToken cancellationToken)
    {
        var key = (ApiOf(remote.Url.Uri), remote.CredentialDigest);
        if (_kept.Count >= MaxKept)
            _kept.Clear();
        var kept = _kept.GetOrAdd(key, _ => new Kept());
        if (kept.Find(time) is { } known)
            return known;
        await kept.Making.WaitAsync(cancellationToken);
        try
        {
            if (kept.Find(time) is { } made)
                return made;
            var (token, freshUntil) = await MakeAsync(remote, key.Item1, app, cancellationToken);
            kept.Keep(token, freshUntil);
            return token;
        }
        finally
        {
            kept.Making.Release();
        }
    }

    /// <summary>Takes that a token is not accepted any more, such as after a change of the installation.</summary>
    public void Forget(GitRemote remote, string token)
    {
        // Another may have got a new one meanwhile, which stays.
        if (_kept.TryGetValue((ApiOf(remote.Url.Uri), remote.CredentialDigest), out var kept))
            kept.Forget(token);
    }

    /// <summary>Where a host's API is: GitHub's own, that of its data-residency tenants, or that of a GitHub Enterprise Server.</summary>
    internal static string ApiOf(Uri repository) =>
        repository.Host is "github.com" or "www.github.com" ? "https://api.github.com"
        : repository.Host.EndsWith(".ghe.com", StringComparison.Ordinal) ? $"https://api.{repository.Host}"
        : $"{repository.Scheme}://{repository.Authority}/api/v3";

    private async Task<(string Value, DateTimeOffset FreshUntil)> MakeAsync(
        GitRemote remote, string api, GitCredential.GitHubApp app, CancellationToken cancellationToken)
    {
        if (app.InstallationId.Length is 0 or > 20 || !app.InstallationId.All(char.IsAsciiDigit))
            throw new GitException("auth_failed", "The GitHub App's installation id is no number.", "Give the number at the end of the installation's address at GitHub.");
        var uri = new Uri($"{api}/app/installations/{app.InstallationId}/access_tokens");
        var response = await SendAsync(remote, uri, app, time.GetUtcNow(), cancellationToken);
        try
        {
            // An assertion from the future is refused like a wrong one. GitHub says what time it is there.
            if ((int)response.StatusCode == 401 && response.Headers.Date is { } theirs && (theirs - time.GetUtcNow()).Duration() > Skew)
            {
                response.Dispose();
                response = await SendAsync(remote, uri, app, theirs, cancellationToken);
            }

            var answer = await ReadAsync(response, cancellationToken);
            if ((int)response.StatusCode != 201)
                throw Refused(remote, response, answer, app, uri);
            var given = JsonSerializer.Deserialize<Answer>(answer, SnakeCase);
            if (string.IsNullOrEmpty(given?.Token) || given.Token.AsSpan().ContainsAnyExcept(TokenCharacters) || given.ExpiresAt is not { } end)
                throw PacketReader.Broken("an installation token that is none");
            // Told in their time, kept in ours.
            var lifetime = end - (response.Headers.Date ?? time.GetUtcNow());
            return (given.Token, time.GetUtcNow() + lifetime - Margin);
        }
        catch (JsonException e)
        {
            throw new GitException("protocol_error", $"{uri.Host} did not answer as GitHub's API does.", "Check that the repository's host is GitHub or a GitHub Enterprise Server.", e);
        }
        finally
        {
            response.Dispose();
        }
    }

    private Task<HttpResponseMessage> SendAsync(GitRemote remote, Uri uri, GitCredential.GitHubApp app, DateTimeOffset now, CancellationToken cancellationToken) =>
        http.SendAsync(
            remote,
            HttpMethod.Post,
            uri,
            new AuthenticationHeaderValue("Bearer", AppAssertion.Sign(app, now)),
            static request =>
            {
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/vnd.github+json"));
                request.Headers.Add("X-GitHub-Api-Version", "2022-11-28");
            },
            cancellationToken);

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var answer = new MemoryStream();
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[8192];
        int count;
        while ((count = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            answer.Write(buffer, 0, count);
            if (answer.Length > MaxAnswerBytes)
                throw PacketReader.Broken("an installation token without an end");
        }

        return answer.ToArray();
    }

    private GitException Refused(GitRemote remote, HttpResponseMessage response, byte[] answer, GitCredential.GitHubApp app, Uri uri)
    {
        var status = (int)response.StatusCode;
        var wait = RateHeaders.Find(response, time);
        // Without a token there is nothing to ask the repository's host for either.
        if (wait is { } alone)
            hosts.LeaveAlone(remote, alone);
        var said = string.Create(CultureInfo.InvariantCulture, $"{status} from {uri.Host} for an installation token{MessageIn(answer)}");
        return status switch
        {
            429 or 403 when wait is not null || RateHeaders.IsUsedUp(response) =>
                new GitException("rate_limited", said, "It is asked again when the host allows.") { RetryAfter = wait },
            401 => new GitException("auth_failed", said, "GitHub does not know the app's id, or the private key is not (or no longer) one of that app's: check both, and this machine's clock."),
            403 => new GitException("auth_failed", said, "The installation is suspended, or has no right to read contents: look at it in the organisation's settings at GitHub."),
            404 => new GitException(
                "auth_failed", said, $"The app has no installation {app.InstallationId} (any more): install it in the organisation, and give the number at the end of the installation's address."),
            >= 500 => new GitException("host_error", said, "GitHub has a fault of its own; it is asked again later.") { RetryAfter = wait },
            _ => new GitException("auth_failed", said, "Check the app's id, the installation and the private key.") { RetryAfter = wait },
        };
    }

    private static string MessageIn(byte[] answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String
                ? $": {Readable.Line(message.GetString()!)}"
                : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private sealed record Answer(string? Token, DateTimeOffset? ExpiresAt);

    private sealed class Kept
    {
        private volatile Token? _token;

        public SemaphoreSlim Making { get; } = new(1);

        public string? Find(TimeProvider time) => _token is { } token && time.GetUtcNow() < token.FreshUntil ? token.Value : null;

        public void Keep(string value, DateTimeOffset freshUntil) => _token = new Token(value, freshUntil);

        public void Forget(string value)
        {
            if (_token is { } token && token.Value == value)
                Interlocked.CompareExchange(ref _token, null, token);
        }

        private sealed record Token(string Value, DateTimeOffset FreshUntil);
    }
}
