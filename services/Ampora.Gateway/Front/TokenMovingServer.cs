using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Ampora.Gateway.Front;

/// <summary>
/// Takes <c>?token=</c> out of the URL between the web server and the hosting layer. Middleware would be too late: the request's log
/// line, its span and its metrics begin before any of it runs.
/// </summary>
internal sealed class TokenMovingServer(IServer server) : IServer
{
    public IFeatureCollection Features => server.Features;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(new Application<TContext>(application), cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    // The container made the inner server for this one alone.
    public void Dispose() => server.Dispose();

    private sealed class Application<TContext>(IHttpApplication<TContext> application) : IHttpApplication<TContext>
        where TContext : notnull
    {
        public TContext CreateContext(IFeatureCollection contextFeatures)
        {
            var request = contextFeatures.GetRequiredFeature<IHttpRequestFeature>();
            if (QueryToken.Take(request.QueryString, out var without) is { } token)
            {
                contextFeatures.Set(token);
                request.QueryString = without;
                var query = request.RawTarget.IndexOf('?', StringComparison.Ordinal);
                if (query >= 0)
                    request.RawTarget = request.RawTarget[..query] + without;
            }
            return application.CreateContext(contextFeatures);
        }

        public Task ProcessRequestAsync(TContext context) => application.ProcessRequestAsync(context);

        public void DisposeContext(TContext context, Exception? exception) => application.DisposeContext(context, exception);
    }
}

/// <summary>Puts the server that moves tokens around the one that listens.</summary>
internal static class TokenMoving
{
    public static void MoveTokensBeforeAnybodyLooks(this WebApplicationBuilder builder)
    {
        var listening = builder.Services.Last(service => service.ServiceType == typeof(IServer));
        builder.Services.Replace(ServiceDescriptor.Singleton<IServer>(services => new TokenMovingServer(
            (IServer)(listening.ImplementationFactory?.Invoke(services) ?? ActivatorUtilities.CreateInstance(services, listening.ImplementationType!)))));
    }
}
