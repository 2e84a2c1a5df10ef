using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ampora.Store.Secrets;

namespace Ampora.Console.Page;

/// <summary>
/// Short texts that only Ampora can make and read, for cookies and forms: encrypted under the master key, so that every replica reads what another made and
/// nothing is kept on disk.
/// </summary>
internal sealed class SealedText(SecretCipher cipher, TimeProvider time)
{
    private const int MaxLength = 2048;

    /// <summary>Seals a text.</summary>
    /// <param name="purpose">What it is for; it opens only for the same.</param>
    /// <param name="text">The text.</param>
    /// <param name="lifetime">How long it opens.</param>
    public string Seal(string purpose, string text, TimeSpan lifetime)
    {
        var until = (time.GetUtcNow() + lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return Base64Url.EncodeToString(cipher.Encrypt(Place(purpose), Encoding.UTF8.GetBytes($"{until} {text}")));
    }

    /// <summary>Opens what was sealed; null when it is not that, not for this purpose, or too old.</summary>
    public string? Open(string purpose, string? sealedText)
    {
        if (sealedText is null or { Length: 0 or > MaxLength } || !Base64Url.IsValid(sealedText))
            return null;
        try
        {
            var clear = Encoding.UTF8.GetString(cipher.Decrypt(Place(purpose), Base64Url.DecodeFromChars(sealedText)));
            var space = clear.IndexOf(' ', StringComparison.Ordinal);
            return long.Parse(clear.AsSpan(0, space), CultureInfo.InvariantCulture) > time.GetUtcNow().ToUnixTimeSeconds() ? clear[(space + 1)..] : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static SecretPlace Place(string purpose) => new("page", purpose, "sealed");
}
