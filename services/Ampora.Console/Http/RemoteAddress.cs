namespace Ampora.Console.Http;

/// <summary>The address that a request came from.</summary>
internal static class RemoteAddress
{
    /// <returns>The address, an IPv4 one always in its own form; null when there is none.</returns>
    public static string? Of(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => null,
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        var address => address.ToString(),
    };
}
