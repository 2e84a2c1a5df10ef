using System.Globalization;
using System.Text.RegularExpressions;

namespace Ampora.Console.Http;

/// <summary>Times from outside, RFC 3339.</summary>
internal static partial class Timestamps
{
    public const string Expected = "a time such as 2026-01-31T12:00:00Z (RFC 3339)";

    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        time = default;
        return text is not null
            && Form().IsMatch(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
    }

    [GeneratedRegex(@"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
