using System.Text;

namespace Ampora.EndToEnd.Tests.Secrets;

/// <summary>A secret that is searched for: as it is, and in every form that it could be written in.</summary>
internal sealed class Needle
{
    private readonly byte[][] _forms;

    /// <param name="name">What a failure calls it.</param>
    /// <param name="secret">The secret; of a key, a line of it.</param>
    public Needle(string name, string secret)
    {
        Name = name;
        var raw = Encoding.UTF8.GetBytes(secret);
        var hex = Convert.ToHexStringLower(raw);
        string[] texts =
        [
            secret,
            Uri.EscapeDataString(secret),
            Uri.EscapeDataString(secret).ToLowerInvariant(),
            System.Net.WebUtility.UrlEncode(secret),
            System.Text.Json.JsonEncodedText.Encode(secret).ToString(),
            hex,
            hex.ToUpperInvariant(),
            .. Base64(raw),
            .. Base64(raw).Select(form => form.Replace('+', '-').Replace('/', '_')),
        ];
        _forms = [.. texts.Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes)];
    }

    public string Name { get; }

    /// <summary>Whether any of its forms is in there.</summary>
    public bool IsIn(ReadOnlySpan<byte> text)
    {
        foreach (var form in _forms)
        {
            if (text.IndexOf(form) >= 0)
                return true;
        }

        return false;
    }

    // In the middle of something longer, such as user:password, base64 depends on where it begins: of the three ways, what is certain.
    private static IEnumerable<string> Base64(byte[] raw)
    {
        for (var before = 0; before < 3; before++)
        {
            var whole = Convert.ToBase64String([.. new byte[before], .. raw]);
            var firstCertain = ((before * 8) + 5) / 6;
            var lastCertain = (before + raw.Length) * 8 / 6;
            yield return whole[firstCertain..lastCertain];
        }
    }
}
