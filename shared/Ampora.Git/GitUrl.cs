using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.Git.Ssh;

namespace Ampora.Git;

/// <summary>
/// A repository's URL that is safe to use: https, http or ssh, or the address that ssh programs take (<c>git@host:path</c>). It never
/// holds a credential; the user of an SSH address is none.
/// </summary>
public sealed record GitUrl
{
    /// <summary>Longer than any real repository's URL, and short enough for every index, log line and request line.</summary>
    public const int MaxLength = 2048;

    private const string Example = "such as https://git.example.com/team/fleet.git";

    private readonly string _text;
    private readonly int _port;

    private GitUrl(string text, Uri uri, SshAddress? ssh)
    {
        _text = text;
        _port = ssh is not null && uri.IsDefaultPort ? SshAddress.DefaultPort : uri.Port;
        Uri = uri;
        Ssh = ssh;
    }

    /// <summary>
    /// The URL as a URI, its path exactly as it was given; of an address <c>git@host:path</c>, which is none, scheme, host and path.
    /// </summary>
    public Uri Uri { get; }

    /// <summary>Whether it is reached by SSH.</summary>
    [MemberNotNullWhen(true, nameof(Ssh), nameof(SshUser), nameof(SshPath))]
    public bool IsSsh => Ssh is not null;

    /// <summary>Whom an SSH host knows the key by: as given, else <c>git</c>; null over HTTP.</summary>
    public string? SshUser => Ssh?.User ?? (Ssh is null ? null : SshAddress.DefaultUser);

    /// <summary>The path that an SSH host is asked for, not encoded; relative to the user's home unless it begins with a slash. Null over HTTP.</summary>
    public string? SshPath => Ssh?.Path;

    /// <summary>Lower-case host name and port, with the scheme's default filled in: what checks at once are counted by.</summary>
    public string HostAndPort => $"{Uri.Host}:{_port}";

    /// <summary>Scheme, host and port: where a credential that was given for this URL may be sent.</summary>
    public string Authority => $"{Uri.Scheme}://{HostAndPort}";

    /// <summary>The name or address to connect to, an IPv6 address without its brackets, and the port.</summary>
    internal DnsEndPoint EndPoint => new(Uri.Host.Trim('[', ']'), _port);

    /// <summary>The address, when the host is one and not a name.</summary>
    internal IPAddress? LiteralAddress => IPAddress.TryParse(Uri.Host.Trim('[', ']'), out var address) ? address : null;

    /// <summary>How an SSH host is asked; null over HTTP.</summary>
    internal SshAddress? Ssh { get; }

    /// <summary>Reads a URL.</summary>
    /// <param name="text">What the operator gave.</param>
    /// <param name="url">The URL, when it is one.</param>
    /// <returns>Null, or why it is refused and what it should be; it never repeats a credential.</returns>
    public static string? TryParse(string? text, out GitUrl? url)
    {
        url = null;
        if (string.IsNullOrWhiteSpace(text))
            return $"The URL is empty; give the repository's address, {Example}.";
        if (text.Length > MaxLength)
            return $"The URL is longer than {MaxLength} characters.";
        if (text.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029'))
            return "The URL contains a control character, such as a line break.";
        if (text.Contains(' ', StringComparison.Ordinal))
            return "The URL contains a space; write %20 if it belongs to the path.";

        if (SshAddress.LooksLikeOne(text))
            return Finish(SshAddress.TryParse(text, out var address, out var spelled), () => new GitUrl(spelled, AsUri(address!.Uri), address), ref url);
        if (FindScheme(text, out var scheme, out var rest) is { } schemeProblem)
            return schemeProblem;
        var user = "";
        if (scheme == "ssh" && SshAddress.TryTakeUser(ref rest, out user) is { } userProblem)
            return userProblem;
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var authority = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? "" : rest[slash..];
        // What stands before the @ may be a password, so it is not looked at, let alone repeated.
        if (authority.Contains('@', StringComparison.Ordinal))
            return "The URL contains a user name or a password; remove everything up to the @ and give it as the source's credential.";
        if (authority.IndexOfAny(['?', '#']) >= 0 || path.IndexOfAny(['?', '#']) >= 0)
            return "The URL contains a query or a fragment (? or #); give the address that `git clone` takes.";
        if (ReadAuthority(authority, scheme, out var host) is { } hostProblem)
            return hostProblem;
        if (ReadPath(ref path) is { } pathProblem)
            return pathProblem;
        if (scheme != "ssh")
            return Finish(null, () => new GitUrl($"{scheme}://{host}{path}", AsUri($"{scheme}://{host}{path}"), ssh: null), ref url);
        var problem = SshAddress.TryMake(user, host, path, out var ssh);
        return Finish(problem, () => new GitUrl($"ssh://{(user.Length == 0 ? "" : user + "@")}{host}{path}", AsUri(ssh!.Uri), ssh), ref url);
    }

    private static string? Finish(string? problem, Func<GitUrl> make, ref GitUrl? url)
    {
        if (problem is not null)
            return problem;
        try
        {
            url = make();
            return null;
        }
        catch (UriFormatException)
        {
            return $"The URL cannot be read; give the repository's address, {Example}.";
        }
    }

    /// <summary>The URL; there is nothing in it to hide.</summary>
    public override string ToString() => _text;

    /// <summary>Whether both are the same text, with scheme and host in lower case.</summary>
    public bool Equals(GitUrl? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    // Anything else would turn %2F into / and so name another repository than the operator did.
    internal static Uri AsUri(string text) => new(text, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    [SuppressMessage("Globalization", "CA1308", Justification = "Schemes are lower case by RFC 3986")]
    private static string? FindScheme(string text, out string scheme, out string rest)
    {
        (scheme, rest) = ("", "");
        if (text[0] == '-')
            return "The URL begins with a dash, as an option would.";
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0 && text.AsSpan(colon).StartsWith("::"))
            return "Remote helpers (transport::address) run programs and are not accepted; give an https or ssh URL.";
        if (text[0] is '/' or '.' or '~' or '\\')
            return $"That is a path on this machine; give the repository's https URL, {Example}.";
        if (colon < 0)
            return $"The URL has no scheme; give the whole address, {Example}.";
        if (!text.AsSpan(colon).StartsWith("://"))
        {
            return text.AsSpan(0, colon).IndexOf('/') < 0
                ? $"That is no URL; an SSH address has a user (git@host:path), and other URLs have // after the scheme, {Example}."
                : $"The URL cannot be read; give the repository's address, {Example}.";
        }

        scheme = text[..colon].ToLowerInvariant();
        if (scheme is "git+ssh" or "ssh+git")
            scheme = "ssh";
        rest = text[(colon + 3)..];
        return scheme switch
        {
            "https" or "http" or "ssh" => null,
            "file" => "Repositories on this machine's disk (file://) are not supported; give an https or ssh URL.",
            "git" => "The git:// protocol is neither encrypted nor authenticated and is not supported; give the https or ssh URL.",
            _ => $"URLs of this scheme are not supported; give an https or ssh URL, {Example}.",
        };
    }

    /// <summary>Reads a host with or without a port, as it is written in a URL; the port that the scheme has anyway is left out.</summary>
    internal static string? ReadAuthority(string authority, string scheme, out string host)
    {
        host = "";
        string name, port;
        if (authority.StartsWith('['))
        {
            var end = authority.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || (end + 1 < authority.Length && authority[end + 1] != ':'))
                return "The IPv6 address in the URL is not closed with ] before the port.";
            name = authority[1..end];
            port = authority[(end + 1)..];
            if (name.Contains('%', StringComparison.Ordinal))
                return "The IPv6 address in the URL has a zone (%…), which only means something on one machine; give an address without.";
            if (!IPAddress.TryParse(name, out var address) || address.AddressFamily != AddressFamily.InterNetworkV6)
                return "The host in brackets is not an IPv6 address.";
            name = $"[{address}]";
        }
        else
        {
            var colon = authority.IndexOf(':', StringComparison.Ordinal);
            name = colon < 0 ? authority : authority[..colon];
            port = colon < 0 ? "" : authority[colon..];
            if (ReadHostName(ref name) is { } problem)
                return problem;
        }

        if (port.Length > 0)
        {
            if (!ushort.TryParse(port.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
                return "The port in the URL is not a number from 1 to 65535.";
            // The default port is left out, so that equal addresses are equal texts.
            port = number == (scheme switch { "https" => 443, "http" => 80, _ => SshAddress.DefaultPort }) ? "" : ":" + number.ToString(CultureInfo.InvariantCulture);
        }

        host = name + port;
        return null;
    }

    [SuppressMessage("Globalization", "CA1308", Justification = "Host names are compared and shown in lower case")]
    private static string? ReadHostName(ref string name)
    {
        if (name.Length == 0)
            return $"The URL has no host; give the whole address, {Example}.";
        if (name[0] == '-')
            return "The host begins with a dash, as an option would.";
        if (!Ascii.IsValid(name))
        {
            if (!name.EnumerateRunes().All(IsNameRune))
                return "The host contains characters that no host name has.";
            try
            {
                name = new IdnMapping { UseStd3AsciiRules = true }.GetAscii(name.ToLowerInvariant());
            }
            catch (ArgumentException)
            {
                return "The host is not a valid international name.";
            }
        }

        name = name.ToLowerInvariant();
        var labels = (name.EndsWith('.') ? name[..^1] : name).Split('.');
        if (name.Length > 253 || labels.Any(label => label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-'))
            return "The host is not a valid name.";
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
            return "The host contains characters that no host name has.";
        // Other programs read 0x7f000001, 2130706433 or 0177.1 as addresses; only one way of writing an address is accepted.
        if (IsNumeric(labels[^1]) && !(IPAddress.TryParse(name, out var address) && address.ToString() == name))
            return "The host is a number, but not an IPv4 address as in 192.0.2.7; give it in that form, or the host's name.";
        return null;
    }

    // A letter or its accent; wide forms and dots of other scripts would be folded to ASCII by a resolver, after the checks here.
    private static bool IsNameRune(Rune rune) =>
        rune.IsAscii
            ? rune.Value is not ('%' or '\\')
            : rune.Value is < 0xff00 and not 0x200b and not 0x200c and not 0x200d &&
              (Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark);

    private static bool IsNumeric(string label) =>
        label.All(char.IsAsciiDigit) || (label.StartsWith("0x", StringComparison.Ordinal) && label[2..].All(char.IsAsciiHexDigit));

    /// <summary>Checks a path as it is written in a URL; what is not ASCII is encoded.</summary>
    internal static string? ReadPath(ref string path)
    {
        if (path.Trim('/').Length == 0)
            return $"The URL names a host but no repository; give the whole address, {Example}.";
        var encoded = new StringBuilder(path.Length);
        foreach (var rune in path.EnumerateRunes())
        {
            if (rune.IsAscii && (rune.Value is '"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}'))
                return $"The path contains the character {(char)rune.Value}; write %{rune.Value:X2} if it belongs to the name.";
            if (rune == Rune.ReplacementChar)
                return "The path is not valid text.";
            encoded.Append(rune.IsAscii ? rune.ToString() : Uri.EscapeDataString(rune.ToString()));
        }

        path = encoded.ToString();
        for (var percent = path.IndexOf('%', StringComparison.Ordinal); percent >= 0; percent = path.IndexOf('%', percent + 1))
        {
            if (percent + 2 >= path.Length || !byte.TryParse(path.AsSpan(percent + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                return "The path contains a % that is not followed by two hexadecimal digits; write %25 for a % of the name.";
            if (value is < 0x20 or 0x7f)
                return "The path contains an encoded control character, such as a line break (%0a).";
        }

        return path.Split('/').Any(segment => segment.Replace("%2e", ".", StringComparison.OrdinalIgnoreCase) is "." or "..")
            ? "The path contains . or .. as a folder; give it without."
            : null;
    }
}
