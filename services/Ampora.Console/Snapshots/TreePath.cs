using System.Text;
using System.Text.Unicode;

namespace Ampora.Console.Snapshots;

/// <summary>
/// Paths of a tree as text. Git gives names no encoding: a path that is valid UTF-8 is shown as that; any other has each byte outside of printable ASCII, and
/// each %, as %XX, and is marked so. A file is asked for by either form.
/// </summary>
internal static class TreePath
{
    /// <summary>Shows a path.</summary>
    /// <param name="raw">The path with one char for each byte.</param>
    /// <returns>The text, and whether it is in %XX form.</returns>
    public static (string Text, bool Escaped) Show(string raw)
    {
        if (raw.All(char.IsAscii))
            return (raw, false);
        var bytes = Encoding.Latin1.GetBytes(raw);
        return Utf8.IsValid(bytes) ? (Encoding.UTF8.GetString(bytes), false) : (Escape(bytes), true);
    }

    /// <summary>The form in which a manifest holds a path that is asked for as UTF-8.</summary>
    public static string ToRaw(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private static string Escape(byte[] bytes)
    {
        var text = new StringBuilder(bytes.Length * 3);
        foreach (var b in bytes)
        {
            if (b is > 0x20 and < 0x7f and not (byte)'%')
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", null));
        }

        return text.ToString();
    }
}
