using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Ampora.Git;

/// <summary>Networks as an operator writes them: <c>10.0.0.0/8, fd00::/8, 192.0.2.7</c>.</summary>
internal static class Networks
{
    private static readonly char[] Separators = [',', ';', ' '];

    /// <summary>Reads a list; null with the first entry that is none.</summary>
    public static IReadOnlyList<IPNetwork>? TryParse(string text, out string? wrong)
    {
        wrong = null;
        var networks = new List<IPNetwork>();
        foreach (var entry in text.Split(Separators, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPNetwork.TryParse(entry, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(entry, out var address))
            {
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else
            {
                wrong = entry;
                return null;
            }
        }

        return networks;
    }
}

/// <summary>A list of networks that can be read.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class NetworksAttribute : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext)
    {
        _ = Networks.TryParse((string?)value ?? "", out var wrong);
        return wrong is null
            ? ValidationResult.Success
            : new ValidationResult(
                $"\"{wrong}\" is no network; give networks such as 10.0.0.0/8 or fd00::/8, separated by commas.",
                [validationContext.MemberName!]);
    }
}
