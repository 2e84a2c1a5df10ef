using Microsoft.AspNetCore.Http.Features;

namespace Ampora.Gateway.Front;

/// <summary>
/// Whether a path reads the same to everybody. Servers differ in when they resolve dots and decode slashes, and a path that one of them
/// routes to a webhook and another to the console is how proxies are tricked. So the path is judged as it came, before decoding.
/// </summary>
internal static class RawPath
{
    public static bool IsPlain(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var query = target.IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? target.AsSpan() : target.AsSpan(0, query);
        // Other forms of a target (absolute, *, authority) are for proxies that browsers know of.
        if (path.Length == 0 || path[0] != '/' || path.Contains("//", StringComparison.Ordinal) || path.IndexOfAny('\\', '#') >= 0)
            return false;
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] <= ' ' || path[i] == 0x7f)
                return false;
            if (path[i] == '%' && !IsPlainEscape(path[i..]))
                return false;
        }
        foreach (var segment in path.Split('/'))
        {
            if (IsDots(path[segment]))
                return false;
        }
        return true;
    }

    /// <summary>An escape of two digits that is no control character, slash or backslash.</summary>
    private static bool IsPlainEscape(ReadOnlySpan<char> escape) =>
        escape.Length >= 3 && char.IsAsciiHexDigit(escape[1]) && char.IsAsciiHexDigit(escape[2])
        && Convert.ToByte(escape[1..3].ToString(), 16) is >= 0x20 and not (0x7f or (byte)'/' or (byte)'\\');

    private static bool IsDots(ReadOnlySpan<char> segment)
    {
        Span<char> plain = stackalloc char[3];
        var length = 0;
        for (var i = 0; i < segment.Length; i++)
        {
            if (length == plain.Length)
                return false;
            if (segment[i..].StartsWith("%2e", StringComparison.OrdinalIgnoreCase))
            {
                plain[length++] = '.';
                i += 2;
            }
            else
            {
                plain[length++] = segment[i];
            }
        }
        return plain[..length] is "." or "..";
    }
}
