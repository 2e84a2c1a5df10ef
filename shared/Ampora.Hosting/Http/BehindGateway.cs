using Microsoft.AspNetCore.Http;

namespace Ampora.Hosting.Http;

/// <summary>
/// In the services behind the gateway: who sent a request is what the gateway says. They are reachable on an internal network alone, and
/// whoever stands there is believed; <c>Ampora__Internal__TrustedNetworks</c> narrows it to the gateway's own addresses.
/// </summary>
internal sealed class BehindGateway(RequestDelegate next, Networks trusted)
{
    public Task InvokeAsync(HttpContext context)
    {
        ForwardedRequest.Apply(context, trusted, withPrefix: true);
        return next(context);
    }
}
