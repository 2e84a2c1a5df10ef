using System.Globalization;
using System.Text;

namespace Ampora.Webhooks.Payloads;

/// <summary>Makes what strangers name fit to be shown on one line.</summary>
internal static class OneLine
{
    /// <summary>Leaves out control characters, line separators, and what turns the direction of writing or shows as nothing.</summary>
    public static string Of(string value, int maxLength)
    {
        var line = new StringBuilder();
        foreach (var rune in value.EnumerateRunes())
        {
            if (line.Length + rune.Utf16SequenceLength > maxLength)
                break;
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned))
                line.Append(rune.ToString());
        }

        return line.ToString().Trim();
    }
}
