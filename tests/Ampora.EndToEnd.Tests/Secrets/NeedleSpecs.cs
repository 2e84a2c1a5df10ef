using System.Text;
using System.Text.Json;

namespace Ampora.EndToEnd.Tests.Secrets;

/// <summary>A search that finds nothing is worth something only if it would have found it.</summary>
public sealed class NeedleSpecs
{
    private const string Secret = "pä ss/w+ord&\"1f2e3d4c5b6a";

    [Fact]
    public void A_secret_is_found_however_it_is_written()
    {
        var needle = new Needle("it", Secret);
        string[] places =
        [
            $"git -c x={Secret} fetch",
            $"https://ada:{Uri.EscapeDataString(Secret)}@host/",
            $"q={System.Net.WebUtility.UrlEncode(Secret)}",
            JsonSerializer.Serialize(new { password = Secret }),
            "\\x" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Secret)),
            .. ((string[])["", "a:", "ada:", "ada1:"]).Select(user => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(user + Secret + "!"))),
        ];
        Assert.All(places, place => Assert.True(needle.IsIn(Encoding.UTF8.GetBytes(place)), place));
        Assert.False(needle.IsIn("something else"u8));
    }
}
