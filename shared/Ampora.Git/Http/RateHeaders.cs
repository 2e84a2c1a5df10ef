using System.Globalization;

namespace Ampora.Git.Http;

/// <summary>
/// How long a host asks to be left alone: <c>Retry-After</c> (RFC 9110), GitHub's <c>X-RateLimit-Remaining</c> and <c>-Reset</c>
/// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api), GitLab's <c>RateLimit-Remaining</c> and <c>-Reset</c>
/// (https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits).
/// </summary>
internal static class RateHeaders
{
    /// <summary>A host that asks for longer is not obeyed for ever.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    // A smaller number is a count of seconds, as the drafts of the IETF have it; a larger one is a time since 1970.
    private const long FirstTime = 1_000_000_000;

    /// <summary>How long; null when it asks for nothing. A limit that is used up counts with any answer, a success too.</summary>
    public static TimeSpan? Find(HttpResponseMessage response, TimeProvider time)
    {
        var asked = (int)response.StatusCode >= 400 ? RetryAfter(response, time) : null;
        var reset = Reset(response, "X-RateLimit-", time) ?? Reset(response, "RateLimit-", time);
        var wait = asked is null || reset > asked ? reset ?? asked : asked;
        return wait is null ? null
            : wait < TimeSpan.Zero ? TimeSpan.Zero
            : wait > Longest ? Longest
            : wait;
    }

    /// <summary>Whether nothing is left of a limit, whether or not it is told until when.</summary>
    public static bool IsUsedUp(HttpResponseMessage response) => Value(response, "X-RateLimit-Remaining") == "0" || Value(response, "RateLimit-Remaining") == "0";

    private static TimeSpan? RetryAfter(HttpResponseMessage response, TimeProvider time)
    {
        var header = response.Headers.RetryAfter;
        return header?.Delta ?? (header?.Date - Now(response, time));
    }

    private static TimeSpan? Reset(HttpResponseMessage response, string prefix, TimeProvider time)
    {
        if (Value(response, prefix + "Remaining") != "0"
            || !long.TryParse(Value(response, prefix + "Reset"), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            || value > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            return null;
        return value < FirstTime ? TimeSpan.FromSeconds(value) : DateTimeOffset.FromUnixTimeSeconds(value) - Now(response, time);
    }

    // By the host's own clock where it tells it, for ours may be another.
    private static DateTimeOffset Now(HttpResponseMessage response, TimeProvider time) => response.Headers.Date ?? time.GetUtcNow();

    private static string? Value(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) && values.Count > 0 ? values.First().Trim() : null;
}
