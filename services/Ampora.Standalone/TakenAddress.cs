using System.Net;
using System.Net.Sockets;

namespace Ampora.Standalone;

/// <summary>Looks, before anything starts, whether somebody else listens where Standalone is about to: the most frequent mistake gets the plainest answer.</summary>
internal static class TakenAddress
{
    // EX_UNAVAILABLE of sysexits.h.
    public const int ExitCode = 69;

    private const int DefaultPort = 8080;

    /// <returns>Null, or which address is taken and what to do.</returns>
    public static string? Find(string? urls)
    {
        foreach (var url in (urls ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).DefaultIfEmpty($"http://localhost:{DefaultPort}"))
        {
            if (Parse(url) is { Port: > 0 } address && !IsFree(address))
                return $"{url} is in use: stop what listens there, or choose another address with --urls, such as --urls http://localhost:{address.Port + 1}";
        }

        return null;
    }

    private static BindingAddress? Parse(string url)
    {
        try
        {
            return BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            // The host says what is wrong with it.
            return null;
        }
    }

    private static bool IsFree(BindingAddress address)
    {
        var ip = address.Host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(address.Host, out var parsed) ? parsed : IPAddress.Any;
        using var listener = new TcpListener(ip, address.Port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode != SocketError.AddressAlreadyInUse;
        }
    }
}
