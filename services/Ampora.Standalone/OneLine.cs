using System.Globalization;
using System.Text;

namespace Ampora.Standalone;

/// <summary>Makes what others wrote fit to print: a commit's subject must not begin a line of its own, colour the terminal, or reverse the text.</summary>
internal static class OneLine
{
    // A terminal's line or two.
    private const int MaxLength = 300;

    /// <summary>The text without control and format characters and line separators, cut where it is too long.</summary>
    public static string Of(string? text, int maxLength = MaxLength)
    {
        var line = new StringBuilder();
        foreach (var rune in (text ?? "").EnumerateRunes())
        {
            if (line.Length >= maxLength)
                return line.Append('…').ToString();
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
                continue;
            line.Append(rune);
        }

        return line.ToString();
    }
}
