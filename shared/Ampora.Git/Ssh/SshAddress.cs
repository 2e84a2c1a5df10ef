using System.Text;

namespace Ampora.Git.Ssh;

/// <summary>What an SSH host is asked for, and as whom: <c>ssh://[user@]host[:port]/path</c> or <c>user@host:path</c>.</summary>
/// <param name="User">The user as it was given; null when none was.</param>
/// <param name="Path">The path as the host gets it.</param>
/// <param name="Uri">Scheme, host, port and path, encoded, without the user.</param>
/// <param name="FetchPath">What comes after the host in the address that git is given: <c>/path</c> of a URL, <c>:path</c> of the short form.</param>
internal sealed record SshAddress(string? User, string Path, string Uri, string FetchPath)
{
    public const int DefaultPort = 22;

    /// <summary>What every Git host calls the user that repositories are read as.</summary>
    public const string DefaultUser = "git";

    // Longer than any host's; AWS makes them of 20 characters.
    private const int MaxUserLength = 64;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const string Example = "such as git@git.example.com:team/fleet.git or ssh://git@git.example.com/team/fleet.git";

    /// <summary>Whether a text is meant as <c>user@host:path</c>: an @ before the first slash, and a colon after it.</summary>
    public static bool LooksLikeOne(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var head = slash < 0 ? text : text[..slash];
        var at = head.IndexOf('@', StringComparison.Ordinal);
        return at >= 0 && head.IndexOf(':', at) >= 0;
    }

    /// <summary>Reads <c>user@host:path</c>, whose path is neither encoded nor rooted.</summary>
    /// <param name="text">The address; it <see cref="LooksLikeOne"/>.</param>
    /// <param name="address">The address, when it can be used.</param>
    /// <param name="spelled">The same address with the host in lower case.</param>
    /// <returns>Null, or why it is refused; it never repeats what may be a password.</returns>
    public static string? TryParse(string text, out SshAddress? address, out string spelled)
    {
        (address, spelled) = (null, "");
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var user = text[..at];
        if (FindUserProblem(user) is { } userProblem)
            return userProblem;
        var rest = text[(at + 1)..];
        var colon = rest.StartsWith('[') ? rest.IndexOf("]:", StringComparison.Ordinal) + 1 : rest.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
            return $"The host's name or address is missing before the colon; give the whole address, {Example}.";
        if (GitUrl.ReadAuthority(rest[..colon], "ssh", out var host) is { } hostProblem)
            return hostProblem;
        var path = rest[(colon + 1)..];
        if (path.StartsWith(':'))
            return "Remote helpers (transport::address) run programs and are not accepted; give an https or ssh URL.";
        if (path.Contains('%', StringComparison.Ordinal) || path.IndexOfAny(['?', '#']) >= 0)
            return $"The path contains one of % ? #; give the address as a URL, where %25, %3F and %23 stand for them, {Example}.";
        var encoded = "/" + path;
        if ((GitUrl.ReadPath(ref encoded) ?? FindPathProblem(path)) is { } pathProblem)
            return pathProblem;
        spelled = $"{user}@{host}:{path}";
        address = new SshAddress(user, path, $"ssh://{host}{encoded}", ":" + path);
        return null;
    }

    /// <summary>Takes the user off what follows the scheme of an ssh URL.</summary>
    /// <param name="rest">What follows <c>ssh://</c>; afterwards it begins with the host.</param>
    /// <param name="user">The user, or nothing.</param>
    /// <returns>Null, or why it is refused; it never repeats what may be a password.</returns>
    public static string? TryTakeUser(ref string rest, out string user)
    {
        user = "";
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var at = (slash < 0 ? rest : rest[..slash]).IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
            return null;
        user = rest[..at];
        rest = rest[(at + 1)..];
        return FindUserProblem(user);
    }

    /// <summary>Makes the address of an ssh URL.</summary>
    /// <param name="user">The user, or nothing.</param>
    /// <param name="host">The host with the port unless that is 22.</param>
    /// <param name="path">The path as it is written in the URL, checked.</param>
    /// <param name="address">The address, when it can be used.</param>
    /// <returns>Null, or why it is refused.</returns>
    public static string? TryMake(string user, string host, string path, out SshAddress? address)
    {
        address = null;
        // As git does it: the URL's path is decoded, and /~ada/x is below a home.
        if (Decode(path) is not { } decoded)
            return "The path is not valid text: its bytes are not UTF-8.";
        var asked = decoded.StartsWith("/~", StringComparison.Ordinal) ? decoded[1..] : decoded;
        if (FindPathProblem(asked) is { } problem)
            return problem;
        address = new SshAddress(user.Length == 0 ? null : user, asked, $"ssh://{host}{path}", path);
        return null;
    }

    private static string? FindUserProblem(string user)
    {
        if (user.Contains(':', StringComparison.Ordinal))
            return $"The URL contains a password; remove it and give an SSH key as the source's credential. The address is then {Example}.";
        if (user.StartsWith('-'))
            return "The user before the @ begins with a dash, as an option would.";
        return user.Length is 0 or > MaxUserLength || !user.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '+')
            ? $"What stands before the @ is no user of an SSH host, which has letters, digits and - . _ + alone; give the address, {Example}."
            : null;
    }

    // All of it is ASCII, and each % has its two digits.
    private static string? Decode(string path)
    {
        var bytes = new List<byte>(path.Length);
        for (var i = 0; i < path.Length; i++)
        {
            bytes.Add(path[i] == '%' ? Convert.FromHexString(path.AsSpan(i + 1, 2))[0] : (byte)path[i]);
            i += path[i] == '%' ? 2 : 0;
        }

        try
        {
            return Utf8.GetString(bytes.ToArray());
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static string? FindPathProblem(string path)
    {
        if (path.StartsWith('-'))
            return "The path begins with a dash, as an option would.";
        if (path.EnumerateRunes().Any(rune => Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029))
            return "The path contains an encoded control character, such as a line break (%0a).";
        return path.Split('/').Any(segment => segment is "." or "..") ? "The path contains . or .. as a folder; give it without." : null;
    }
}
