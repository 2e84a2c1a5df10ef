using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Ampora.Hosting.Http;

/// <summary>A list of networks as a setting writes it: CIDRs or single addresses, separated by commas or blanks.</summary>
public sealed class Networks
{
    private readonly IPNetwork[] _networks;

    private Networks(IPNetwork[] networks)
    {
        _networks = networks;
    }

    /// <summary>No network at all.</summary>
    public static Networks None { get; } = new([]);

    /// <summary>Reads the list.</summary>
    /// <param name="text">The list; null or empty for none.</param>
    /// <param name="networks">What was read.</param>
    /// <param name="bad">The first entry that is no network; null when all are.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Networks? networks, [NotNullWhen(false)] out string? bad)
    {
        var parsed = new List<IPNetwork>();
        foreach (var entry in (text ?? "").Split([',', ' ', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPNetwork.TryParse(entry, out var network))
            {
                parsed.Add(network);
            }
            else if (IPAddress.TryParse(entry, out var address))
            {
                parsed.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else
            {
                (networks, bad) = (null, entry);
                return false;
            }
        }
        (networks, bad) = (new Networks([.. parsed]), null);
        return true;
    }

    /// <summary>Whether the address lies in one of them.</summary>
    public bool Contains(IPAddress address)
    {
        var plain = Plain(address);
        return Array.Exists(_networks, network => network.Contains(plain));
    }

    /// <summary>An IPv4 address as such, also when it came in on a socket for both families.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
