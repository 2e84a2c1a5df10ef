using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Ampora.Hosting.Http;

/// <summary>
/// Puts middleware before everything that the application maps, routing included, in the order of registration: what changes a
/// request's path has to stand there.
/// </summary>
/// <param name="use">Adds the middleware.</param>
public sealed class MiddlewareFilter(Action<IApplicationBuilder> use) : IStartupFilter
{
    /// <inheritdoc/>
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        use(app);
        next(app);
    };
}
