using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Ampora.TestServers;

/// <summary>
/// What GitHub documents of App installations, as a GitHub Enterprise Server has it under <c>/api/v3</c>, beside the repositories of a
/// <see cref="GitHttpServer"/> (https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app). A repository accepts the
/// current token alone.
/// </summary>
public sealed class GitHubHost(TimeProvider time, string appId, long installationId, RSA key)
{
    private readonly ConcurrentQueue<string> _tokens = new();
    private int _made;

    /// <summary>All repositories accept the latest token only.</summary>
    public ConcurrentBag<GitRepository> Repositories { get; } = [];

    /// <summary>How many tokens were asked for, the refused ones too.</summary>
    public int Asked { get; private set; }

    /// <summary>Every token so far.</summary>
    public IReadOnlyCollection<string> Tokens => _tokens.ToArray();

    public bool IsSuspended { get; set; }

    public bool IsUninstalled { get; set; }

    /// <summary>Answers so instead; null serves it.</summary>
    public (int Status, string Body)? FailWith { get; set; }

    /// <summary>Headers of every answer.</summary>
    public IReadOnlyDictionary<string, string> AnswerHeaders { get; set; } = new Dictionary<string, string>();

    /// <summary>How long a token lasts.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Answers a request below <c>/api/v3</c>.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        Asked++;
        var request = context.Request;
        context.Response.Headers.Date = time.GetUtcNow().ToString("R");
        foreach (var (name, value) in AnswerHeaders)
            context.Response.Headers[name] = value;
        if (FailWith is { } failure)
            await SayAsync(context, failure.Status, failure.Body);
        else if (request.Headers.Accept != "application/vnd.github+json" || request.Headers["X-GitHub-Api-Version"] != "2022-11-28" || request.Headers.UserAgent.Count == 0)
            await SayAsync(context, 400, """{"message":"Wrong headers"}""");
        else if (FindProblem(request.Headers.Authorization.ToString()) is { } problem)
            await SayAsync(context, 401, JsonSerializer.Serialize(new { message = problem, documentation_url = "https://docs.github.com/rest" }));
        else if (IsUninstalled || request.Method != "POST" || request.Path != $"/api/v3/app/installations/{installationId.ToString(CultureInfo.InvariantCulture)}/access_tokens")
            await SayAsync(context, 404, """{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}""");
        else if (IsSuspended)
            await SayAsync(context, 403, """{"message":"This installation has been suspended"}""");
        else
            await SayAsync(context, 201, JsonSerializer.Serialize(new { token = NewToken(), expires_at = time.GetUtcNow().Add(Lifetime).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"), permissions = new { contents = "read" } }));
    }

    /// <summary>Makes a token, as somebody else's request does: the one before is accepted no more.</summary>
    public string NewToken()
    {
        var token = $"ghs_{Interlocked.Increment(ref _made)}{Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}";
        _tokens.Enqueue(token);
        foreach (var repository in Repositories)
            repository.RequireBasic("x-access-token", token);
        return token;
    }

    // What GitHub checks of a JSON Web Token, in its words.
    private string? FindProblem(string authorization)
    {
        var parts = authorization.Replace("Bearer ", "", StringComparison.Ordinal).Split('.');
        if (!authorization.StartsWith("Bearer ", StringComparison.Ordinal) || parts.Length != 3)
            return "A JSON web token could not be decoded";
        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
        using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        if (header.RootElement.GetProperty("alg").GetString() != "RS256"
            || !key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            return "A JSON web token could not be decoded";
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var (from, to) = (payload.RootElement.GetProperty("iat").GetInt64(), payload.RootElement.GetProperty("exp").GetInt64());
        if (from > now)
            return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        if (to <= now)
            return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
        if (to - now > 600)
            return "'Expiration time' claim ('exp') is too far in the future";
        return payload.RootElement.GetProperty("iss").GetString() == appId ? null : "'Issuer' claim ('iss') must be an Integer";
    }

    private static async Task SayAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        await context.Response.WriteAsync(body);
    }
}
