using System.Buffers.Binary;
using System.Text;

namespace Ampora.Git.Signatures;

/// <summary>
/// Whose signatures count, as text in the format of ALLOWED SIGNERS in ssh-keygen(1): a line for each key, with principals, options and
/// the public key. OpenSSH itself reads it when a commit is verified; here it is checked before it is stored, so that whoever enters it
/// learns of a mistake at once and not from a failed check.
/// </summary>
public static class AllowedSigners
{
    /// <summary>Lines of the text. An organisation of more signers has a certificate authority, which is one line.</summary>
    public const int MaxLines = 1000;

    /// <summary>Characters of the text: a thousand keys of RSA with 4096 bits.</summary>
    public const int MaxLength = 1024 * 1024;

    // Those of OpenSSH, without DSA, which it has given up.
    private static readonly string[] KeyTypes =
    [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ];

    /// <summary>Checks a text.</summary>
    /// <param name="text">The text as the operator gave it.</param>
    /// <returns>Null, or which line is refused and what it should be. Nothing of the text is repeated: it may be a private key, pasted by mistake.</returns>
    public static string? FindProblem(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength)
            return $"It is longer than {MaxLength} characters.";
        if (text.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            return "It contains a private key, which must not be here: give the public key, from the file that ends in .pub.";
        var lines = text.Split('\n');
        if (lines.Length > MaxLines)
            return $"It has more than {MaxLines} lines; let a certificate authority sign the keys, which is one line (cert-authority).";
        var signers = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim(' ', '\t', '\r');
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (FindProblemOfLine(line) is { } problem)
                return $"Line {i + 1} {problem}";
            signers++;
        }

        return signers > 0 ? null : "It names no signer; give a line such as: ada@example.org namespaces=\"git\" ssh-ed25519 AAAA…";
    }

    private static string? FindProblemOfLine(string line)
    {
        if (line.Any(c => char.IsControl(c) && c != '\t'))
            return "contains a control character.";
        var rest = line.AsSpan();
        if (!TryTakeWord(ref rest, out var principals))
            return "has a quotation mark without its pair.";
        if (KeyTypes.Contains(principals))
            return "begins with the key; put the principal in front, such as ada@example.org.";
        if (principals.Split(',').Any(principal => principal.Length == 0 || principal == "!"))
            return "has an empty name among its principals; separate them by commas alone, without spaces.";
        if (!TryTakeWord(ref rest, out var word))
            return "has a quotation mark without its pair.";
        if (word.Length > 0 && !IsKeyType(word))
        {
            if (FindProblemOfOptions(word) is { } problem)
                return problem;
            if (!TryTakeWord(ref rest, out word))
                return "has a quotation mark without its pair.";
        }

        if (!KeyTypes.Contains(word))
        {
            return IsKeyType(word)
                ? $"has a key of a type that cannot sign for git; it should be one of {string.Join(", ", KeyTypes)}."
                : "has no key type after the principals and options, such as ssh-ed25519.";
        }

        return TryTakeWord(ref rest, out var key) && IsKey(key, word)
            ? null
            : "has no valid key after the key type: copy the line of the .pub file whole, without a line break in it.";
    }

    private static bool IsKeyType(string word) =>
        KeyTypes.Contains(word) || word is "ssh-dss" || word.Contains("-cert-v0", StringComparison.Ordinal);

    private static string? FindProblemOfOptions(string options)
    {
        foreach (var option in SplitOutsideQuotes(options))
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = equals < 0 ? (option, null) : (option[..equals], option[(equals + 1)..]);
            var quoted = value is ['"', .., '"'] ? value[1..^1] : null;
            switch (name.ToLowerInvariant())
            {
                case "cert-authority" when value is null:
                case "namespaces" when quoted is { Length: > 0 }:
                case "valid-after" or "valid-before" when IsTime(quoted ?? value):
                    break;
                case "cert-authority":
                    return "gives cert-authority a value; it stands alone.";
                case "namespaces":
                    return "gives namespaces no value in quotation marks; write namespaces=\"git\".";
                case "valid-after" or "valid-before":
                    return $"gives {name.ToLowerInvariant()} no time; write it as YYYYMMDD or YYYYMMDDHHMM[SS], with a Z at the end for UTC, in quotation marks.";
                default:
                    return "has something else than an option after the principals: cert-authority, namespaces=\"git\", valid-after=\"…\", valid-before=\"…\", separated by commas, or the key type.";
            }
        }

        return null;
    }

    private static bool IsTime(string? text)
    {
        var digits = text?.TrimEnd('Z', 'z') ?? "";
        return digits.Length is 8 or 12 or 14 && text!.Length - digits.Length < 2 && digits.All(char.IsAsciiDigit)
            && DateTime.TryParseExact(digits[..8], "yyyyMMdd", null, System.Globalization.DateTimeStyles.None, out _);
    }

    // A key's own bytes begin with its type: length, then name.
    private static bool IsKey(string base64, string type)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length)
            && length > type.Length + 8
            && BinaryPrimitives.ReadInt32BigEndian(bytes) == type.Length
            && Encoding.ASCII.GetString(bytes, 4, type.Length) == type;
    }

    // Up to the next space or tab outside quotation marks.
    private static bool TryTakeWord(ref ReadOnlySpan<char> rest, out string word)
    {
        rest = rest.TrimStart(" \t");
        var (end, quoted) = (0, false);
        for (; end < rest.Length && (quoted || rest[end] is not (' ' or '\t')); end++)
            quoted ^= rest[end] == '"';
        word = rest[..end].ToString();
        rest = rest[end..];
        return !quoted;
    }

    private static IEnumerable<string> SplitOutsideQuotes(string options)
    {
        var (start, quoted) = (0, false);
        for (var i = 0; i < options.Length; i++)
        {
            quoted ^= options[i] == '"';
            if (options[i] != ',' || quoted)
                continue;
            yield return options[start..i];
            start = i + 1;
        }

        yield return options[start..];
    }
}
