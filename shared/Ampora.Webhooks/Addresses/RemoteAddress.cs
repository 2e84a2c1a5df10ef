using System.Globalization;
using System.Net;
using System.Text;

namespace Ampora.Webhooks.Addresses;

/// <summary>A repository's URL or scp-like address, taken apart: nothing in it but host, port and path tells one repository from another.</summary>
/// <param name="IsSsh">Whether it is reached by SSH, whose port says nothing about the repository.</param>
/// <param name="Host">In lower case; an alias that only helps through firewalls is replaced by what it stands for.</param>
/// <param name="Port">The port of HTTP, when it is not the scheme's own.</param>
/// <param name="Path">Decoded, without slashes at its ends and without <c>.git</c>.</param>
internal sealed record RemoteAddress(bool IsSsh, string Host, string Port, string Path)
{
    private const int MaxHostLength = 253;

    public string[] Segments => Path.Split('/');

    /// <summary>Takes an address apart; null when it is none of a repository on a host.</summary>
    public static RemoteAddress? Parse(string? text) =>
        Parse(text, keepsSuffix: false) is { Path.Length: > 0 } address ? address : null;

    /// <summary>Takes a prefix of addresses apart, which may end at any segment.</summary>
    public static RemoteAddress? ParsePrefix(string text) => Parse(text, keepsSuffix: true);

    private static RemoteAddress? Parse(string? text, bool keepsSuffix)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > RepositoryAddress.MaxLength || text.EnumerateRunes().Any(IsForbidden))
            return null;
        if (!TrySplit(text, out var scheme, out var authority, out var rest))
            return null;
        var isSsh = scheme is "ssh" or "git+ssh" or "ssh+git";
        if (!TryReadAuthority(authority, scheme, isSsh, out var host, out var port))
            return null;
        return ReadPath(rest, keepsSuffix) is { } path ? new RemoteAddress(isSsh, host, port, path) : null;
    }

    // A lone half of a surrogate pair shows as the replacement character; no database stores one. A backslash is a slash to some programs.
    private static bool IsForbidden(Rune rune) => Rune.IsControl(rune) || rune == Rune.ReplacementChar || rune.Value is '\\';

    private static bool TrySplit(string text, out string scheme, out string authority, out string rest)
    {
        var separator = text.IndexOf("://", StringComparison.Ordinal);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        (scheme, authority, rest) = ("ssh", "", "");
        if (separator > 0 && separator == colon)
        {
            scheme = text[..separator].ToLowerInvariant();
            var afterScheme = text[(separator + 3)..];
            var end = afterScheme.AsSpan().IndexOfAny('/', '?', '#');
            authority = end < 0 ? afterScheme : afterScheme[..end];
            rest = end < 0 ? "" : afterScheme[end..];
            return scheme is "https" or "http" or "ssh" or "git+ssh" or "ssh+git" or "git";
        }

        // user@host:path, as scp has it: the colon comes before any slash, but after the brackets of an IPv6 address.
        var close = text.IndexOf("]:", StringComparison.Ordinal);
        if (close >= 0)
            colon = close + 1;
        // Two colons are how Git names a program to run.
        if (colon <= 0 || text.AsSpan(0, colon).ContainsAny('/', '?', '#') || text.AsSpan(colon).StartsWith("::"))
            return false;
        (authority, rest) = (text[..colon], text[(colon + 1)..]);
        return true;
    }

    private static bool TryReadAuthority(string authority, string scheme, bool isSsh, out string host, out string port)
    {
        // What stands before the last @ is a user and perhaps a password, whatever it looks like.
        var name = authority[(authority.LastIndexOf('@') + 1)..];
        (host, port) = ("", "");
        var end = name.StartsWith('[') ? name.IndexOf(']', StringComparison.Ordinal) + 1 : name.IndexOf(':', StringComparison.Ordinal);
        if (end > 0 && end < name.Length)
        {
            if (name[end] != ':')
                return false;
            (name, port) = (name[..end], name[(end + 1)..]);
        }

        if (port.Length > 0)
        {
            if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
                return false;
            var own = scheme switch { "https" => 443, "http" => 80, "git" => 9418, _ => number };
            port = isSsh || number == own ? "" : ":" + number.ToString(CultureInfo.InvariantCulture);
        }

        if (ReadHost(name) is not { } read)
            return false;
        host = isSsh ? WithoutAlias(read) : read;
        return true;
    }

    private static string? ReadHost(string name)
    {
        if (name.StartsWith('['))
            return name.EndsWith(']') && !name.Contains('%', StringComparison.Ordinal) && IPAddress.TryParse(name.AsSpan(1, name.Length - 2), out var address) ? $"[{address}]" : null;
        try
        {
            if (!Ascii.IsValid(name))
                name = new IdnMapping { UseStd3AsciiRules = true }.GetAscii(name.ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            return null;
        }

        name = name.ToLowerInvariant();
        if (name.EndsWith('.'))
            name = name[..^1];
        return name.Length is > 0 and <= MaxHostLength && name.Split('.').All(IsLabel) ? name : null;
    }

    private static bool IsLabel(string label) =>
        label.Length > 0 && label[0] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    // Names under which Git hosts take SSH at port 443.
    private static string WithoutAlias(string host)
    {
        const string alternative = "altssh.";
        if (host == "ssh.github.com")
            return "github.com";
        return host.StartsWith(alternative, StringComparison.Ordinal) && host.AsSpan(alternative.Length).Contains('.') ? host[alternative.Length..] : host;
    }

    private static string? ReadPath(string rest, bool keepsSuffix)
    {
        var end = rest.AsSpan().IndexOfAny('?', '#');
        if (Decode(end < 0 ? rest : rest[..end]) is not { } path)
            return null;
        path = path.Trim('/');
        const string suffix = ".git";
        if (!keepsSuffix && path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
        {
            path = path[..^suffix.Length];
            // The folder of a repository, not its name.
            if (path.EndsWith('/'))
                return null;
        }

        return path.Split('/').Any(segment => segment is "." or "..") ? null : path;
    }

    /// <summary>Decodes percent signs once; null when one is followed by no two digits, or stands for what would change the path's parts.</summary>
    private static string? Decode(string path)
    {
        if (!path.Contains('%', StringComparison.Ordinal))
            return path;
        var bytes = new List<byte>(path.Length);
        var given = Encoding.UTF8.GetBytes(path);
        for (var i = 0; i < given.Length; i++)
        {
            if (given[i] != '%')
            {
                bytes.Add(given[i]);
                continue;
            }

            if (i + 2 >= given.Length || !byte.TryParse(given.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
                || value is < 0x20 or 0x7f or (byte)'/' or (byte)'\\')
                return null;
            bytes.Add(value);
            i += 2;
        }

        try
        {
            var decoded = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.ToArray());
            return decoded.EnumerateRunes().Any(IsForbidden) ? null : decoded;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
