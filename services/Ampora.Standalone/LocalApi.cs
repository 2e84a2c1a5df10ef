using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Ampora.Standalone;

/// <summary>
/// The management API of this process, over loopback: what Standalone does for its user is exactly what the user could do, so the two
/// cannot drift apart.
/// </summary>
internal sealed class LocalApi : IDisposable
{
    private const int Attempts = 20;

    // Everything is in this process; whatever takes longer has failed.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(1);

    private readonly HttpClient _client;

    /// <summary>Makes a client of a host that has started.</summary>
    public LocalApi(WebApplication app, string token)
    {
        Address = AddressOf(app);
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false };
        // The certificate is this process's own, and loopback is not the name that it is for.
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, errors) => errors == SslPolicyErrors.None || Address.IsLoopback;
        _client = new HttpClient(handler) { BaseAddress = Address, Timeout = Deadline };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Where this machine reaches Ampora, with a slash at the end.</summary>
    public Uri Address { get; }

    /// <summary>Reads; null when there is no such thing.</summary>
    public async Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await AnswerAsync(() => new HttpRequestMessage(HttpMethod.Get, path), cancellationToken);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync(response, cancellationToken);
    }

    /// <summary>Changes something.</summary>
    /// <exception cref="ApiRefusedException">The API refused it.</exception>
    public async Task<JsonNode> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        using var response = await AnswerAsync(
            () => new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) }, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>Asks again for a while when the answer is that the database is too slow just now, as it may be on a busy machine: nothing was changed then.</summary>
    private async Task<HttpResponseMessage> AnswerAsync(Func<HttpRequestMessage> request, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var sent = request();
            var response = await _client.SendAsync(sent, cancellationToken);
            if (response.StatusCode != HttpStatusCode.ServiceUnavailable || attempt == Attempts)
                return response;
            response.Dispose();
            await Task.Delay(BetweenAttempts, cancellationToken);
        }
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        JsonNode? answer = null;
        try
        {
            answer = await JsonNode.ParseAsync(await response.Content.ReadAsStreamAsync(cancellationToken), cancellationToken: cancellationToken);
        }
        catch (JsonException)
        {
            // Told below by its status.
        }

        return response.IsSuccessStatusCode && answer is not null ? answer : throw new ApiRefusedException(response.StatusCode, answer);
    }

    private static Uri AddressOf(WebApplication app)
    {
        // The public addresses come first, the management port's last.
        var first = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        var address = new UriBuilder(first.Replace("*", "localhost", StringComparison.Ordinal).Replace("+", "localhost", StringComparison.Ordinal));
        if (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            address.Host = "localhost";
        return address.Uri;
    }
}

/// <summary>The management API refused a call.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="problem">Its <c>application/problem+json</c>, if it had one.</param>
internal sealed class ApiRefusedException(HttpStatusCode status, JsonNode? problem) : Exception($"{(int)status} {(string?)problem?["title"]}")
{
    /// <summary>Whether what was asked for is to blame, rather than this process.</summary>
    public bool IsBadRequest => status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity;

    /// <summary>What is wrong, a line each, with the field that it is about where there is one.</summary>
    public IEnumerable<(string? Field, string Message)> Complaints => problem?["errors"] is JsonObject { Count: > 0 } errors
        ? errors.SelectMany(entry => (entry.Value as JsonArray ?? []).Select(message => ((string?)entry.Key, (string?)message ?? "")))
        : [(null, (string?)problem?["detail"] ?? Message)];
}
