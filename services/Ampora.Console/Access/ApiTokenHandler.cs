using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Ampora.Console.Http;
using Ampora.Hosting.Http;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Ampora.Console.Access;

/// <summary>Authenticates the API by <c>Authorization: Bearer TOKEN</c> (RFC 6750).</summary>
internal sealed class ApiTokenHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ApiTokenDirectory tokens, RefusalLedger refusals)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public new const string Scheme = "ApiToken";

    private const string BearerPrefix = "Bearer ";

    private bool _storeAway;
    private string _reason = "no_token";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var headers = Request.Headers.Authorization;
        if (headers.Count == 0)
            return AuthenticateResult.NoResult();
        if (headers.Count > 1 || headers[0] is not { } header || !header.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase))
            return Refuse("not_bearer");

        try
        {
            var (token, reason) = await tokens.FindAsync(header[BearerPrefix.Length..].Trim(' '), Context.RequestAborted);
            if (token is null)
                return Refuse(reason);

            Context.Features.Set(new Caller(token.Id, token.Name, token.Role, TokenScope.Of(token), RemoteAddress.Of(Context)));
            var identity = new ClaimsIdentity([new(ClaimTypes.Name, token.Name), new(ClaimTypes.Role, token.Role)], Scheme);
            return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme));
        }
        catch (Exception e) when (RefusalFilter.IsStoreAway(e) && !Context.RequestAborted.IsCancellationRequested)
        {
            _storeAway = true;
            return AuthenticateResult.Fail("The database does not answer.");
        }
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_storeAway)
        {
            Response.Headers.RetryAfter = RefusalFilter.StoreRetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
            await RefusalFilter.StoreUnavailable().ExecuteAsync(Context);
            return;
        }

        refusals.Count(RemoteAddress.Of(Context), _reason);
        Response.Headers.WWWAuthenticate = _reason == "no_token" ? "Bearer" : "Bearer error=\"invalid_token\"";
        var detail = _reason == "no_token"
            ? "Send the header 'Authorization: Bearer TOKEN' with an API token."
            : "The API token is unknown, expired or was deleted. Send 'Authorization: Bearer TOKEN' with a valid one.";
        await Problem.Because(401, "unauthorized", "No valid API token", detail).ExecuteAsync(Context);
    }

    protected override async Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var role = Context.Features.Get<Caller>()?.Role;
        await Problem.Because(403, "forbidden", "Not allowed", $"This token's role is '{role}'; the call takes a higher one.").ExecuteAsync(Context);
    }

    private AuthenticateResult Refuse(string reason)
    {
        _reason = reason;
        return AuthenticateResult.Fail(reason);
    }
}
