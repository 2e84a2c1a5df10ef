using System.Buffers.Binary;
using System.Globalization;
using System.IO.Enumeration;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Git.Ssh;

/// <summary>
/// Reads the host keys that an SSH connection expects, in the format of a <c>known_hosts</c> file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). OpenSSH itself judges by
/// them; this only tells beforehand what it would not understand or not find.
/// </summary>
public static class KnownHosts
{
    /// <summary>Characters of all lines together: hundreds of hosts, while a source has one.</summary>
    public const int MaxLength = 64 * 1024;

    private const string Example = "such as: git.example.com ssh-ed25519 AAAA…";
    private const string HashMark = "|1|";

    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>Checks the lines.</summary>
    /// <param name="text">Lines, separated by <c>\n</c>.</param>
    /// <returns>Null, or which line is wrong and what it should be.</returns>
    public static string? FindProblem(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength)
            return $"The host keys have more than {MaxLength} characters; give the lines of the one host.";
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (IsEntry(lines[i]) && FindLineProblem(lines[i]) is { } problem)
                return string.Create(CultureInfo.InvariantCulture, $"Line {i + 1} {problem}");
        }

        return lines.Any(IsEntry) ? null : $"There is no host key in it; give at least one line, {Example}";
    }

    /// <summary>The name under which the key of a URL's host is looked up: <c>host</c>, or <c>[host]:port</c> where the port is not 22.</summary>
    /// <param name="url">An SSH URL.</param>
    public static string NameOf(GitUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        var (host, port) = (url.EndPoint.Host, url.EndPoint.Port);
        return port == SshAddress.DefaultPort ? host : string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}");
    }

    /// <summary>Picks the lines that are about a host: its keys, certificate authorities for it, and what is revoked for it.</summary>
    /// <param name="text">Lines, separated by <c>\n</c>; those that cannot be read are passed over.</param>
    /// <param name="name">The host, as <see cref="NameOf"/> has it.</param>
    /// <returns>The lines, each with its end; empty when there is none.</returns>
    public static string LinesFor(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(name);
        return string.Concat(text.Split('\n')
            .Select(line => line.TrimEnd('\r'))
            .Where(line => IsEntry(line) && FindLineProblem(line) is null && Names(HostsOf(line), name))
            .Select(line => line + "\n"));
    }

    private static bool IsEntry(string line) => line.AsSpan().Trim() is { Length: > 0 } trimmed && trimmed[0] != '#';

    private static string[] Words(string line) => line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);

    private static string HostsOf(string line) => Words(line) is var words && words[0][0] == '@' ? words[1] : words[0];

    private static string? FindLineProblem(string line)
    {
        var words = Words(line);
        if (words[0] is "@cert-authority" or "@revoked")
            words = words[1..];
        else if (words[0][0] == '@')
            return "begins with a marker that OpenSSH does not know; there are @cert-authority and @revoked.";
        if (words.Length >= 2 && IsKeyType(words[0]))
            return $"has no host in front of the key; it should be host, type and key, {Example}";
        if (words.Length < 3 || !IsKeyType(words[1]))
            return $"is no host key; it should be host, type and key, {Example}";
        return IsKey(words[1], words[2]) ? null : "has a key that is cut off or changed; copy the line again, or get it with ssh-keyscan.";
    }

    private static bool IsKeyType(string word) =>
        (word.StartsWith("ssh-", StringComparison.Ordinal) || word.StartsWith("ecdsa-", StringComparison.Ordinal) || word.StartsWith("sk-", StringComparison.Ordinal))
        && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '@' or '.');

    // A key's bytes begin with its type (RFC 4253, section 6.6).
    private static bool IsKey(string type, string encoded)
    {
        var bytes = new byte[encoded.Length];
        return Convert.TryFromBase64String(encoded, bytes, out var length) && length > 4 + type.Length
            && BinaryPrimitives.ReadUInt32BigEndian(bytes) == type.Length && bytes.AsSpan(4, type.Length).SequenceEqual(Encoding.ASCII.GetBytes(type));
    }

    private static bool Names(string hosts, string name)
    {
        if (hosts.StartsWith(HashMark, StringComparison.Ordinal))
            return IsHashOf(hosts, name);
        var named = false;
        foreach (var pattern in hosts.Split(','))
        {
            if (pattern.StartsWith('!') && FileSystemName.MatchesSimpleExpression(Escaped(pattern[1..]), name))
                return false;
            named |= FileSystemName.MatchesSimpleExpression(Escaped(pattern), name);
        }

        return named;
    }

    // There a backslash escapes; here it is a character like any other.
    private static string Escaped(string pattern) => pattern.Replace("\\", "\\\\", StringComparison.Ordinal);

    // "|1|SALT|HMAC-SHA1 of the name", as HashKnownHosts writes it. A hash of no secret: SHA-1 is what the format has.
    private static bool IsHashOf(string hosts, string name)
    {
        var parts = hosts[HashMark.Length..].Split('|');
        if (parts.Length != 2)
            return false;
        var (salt, hash) = (new byte[parts[0].Length], new byte[parts[1].Length]);
#pragma warning disable CA5350 // The format of OpenSSH; it hides names, it authenticates nothing.
        return Convert.TryFromBase64String(parts[0], salt, out var saltLength) && Convert.TryFromBase64String(parts[1], hash, out var hashLength)
            && HMACSHA1.HashData(salt.AsSpan(0, saltLength), Encoding.UTF8.GetBytes(name)).AsSpan().SequenceEqual(hash.AsSpan(0, hashLength));
#pragma warning restore CA5350
    }
}
