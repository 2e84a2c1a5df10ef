using System.Globalization;
using System.Text;

namespace Ampora.Git.Protocol;

/// <summary>Makes what a Git host says fit for a log line and a screen.</summary>
internal static class Readable
{
    private const int MaxLength = 300;

    /// <summary>One line without control characters, cut to a readable length.</summary>
    public static string Line(ReadOnlySpan<byte> bytes) => Line(Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxLength * 4)]));

    /// <summary>One line without control characters, cut to a readable length.</summary>
    public static string Line(string text, int maxLength = MaxLength)
    {
        var line = new StringBuilder(Math.Min(text.Length, maxLength));
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= maxLength)
            {
                line.Append('…');
                break;
            }

            line.Append(IsPrintable(rune) ? rune.ToString() : " ");
        }

        return line.ToString().Trim();
    }

    // Control characters end lines and colour terminals; format characters turn the direction of text and hide parts of it.
    private static bool IsPrintable(Rune rune) => !Rune.IsControl(rune) && Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
