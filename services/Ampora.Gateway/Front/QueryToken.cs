namespace Ampora.Gateway.Front;

/// <summary>A token that came as <c>?token=</c>, taken out of the URL.</summary>
/// <param name="Value">What it was; empty when it could be no token.</param>
/// <param name="Ambiguous">There was more than one.</param>
internal sealed record QueryToken(string Value, bool Ambiguous)
{
    /// <summary>Where the token belongs.</summary>
    public const string Header = "X-Ampora-Webhook-Token";

    private const string Name = "token";

    /// <summary>Takes every <c>token</c> out of a query string, however its name is written.</summary>
    /// <param name="query">With its <c>?</c>.</param>
    /// <param name="without">The query without them: the same text if there was none.</param>
    public static QueryToken? Take(string query, out string without)
    {
        without = query;
        if (query.Length < 2)
            return null;
        QueryToken? found = null;
        var kept = new List<string>();
        foreach (var pair in query[1..].Split('&'))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? pair : pair[..equals];
            if (!Decoded(name).Equals(Name, StringComparison.OrdinalIgnoreCase))
                kept.Add(pair);
            else if (found is not null)
                found = found with { Ambiguous = true };
            else
                found = new QueryToken(Plain(equals < 0 ? "" : Decoded(pair[(equals + 1)..])), Ambiguous: false);
        }
        if (found is not null)
            without = kept.Count == 0 ? "" : "?" + string.Join('&', kept);
        return found;
    }

    private static string Decoded(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    // In a header a blank at the end would vanish, and a line end would be a header of its own: what is no token is sent on as an empty one,
    // and refused like any other wrong one.
    private static string Plain(string value) => value.All(c => c is > ' ' and < '\u007f') ? value : "";
}
