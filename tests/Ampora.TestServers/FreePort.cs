using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Ampora.TestServers;

/// <summary>Ports on loopback for servers that are told theirs.</summary>
public static class FreePort
{
    // Below what systems give to outgoing connections (32768 and up on Linux): of those, one may be taken before the server listens.
    private const int First = 10_000;
    private const int Last = 30_000;

    private static readonly ConcurrentDictionary<int, bool> Given = new();

    /// <summary>Finds a TCP port that nobody listens on, and that this process has not given out before.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            if (!Given.TryAdd(port, true))
                continue;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: try another.
            }
        }
    }
}
