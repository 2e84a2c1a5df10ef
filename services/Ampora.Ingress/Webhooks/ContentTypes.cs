using Microsoft.Net.Http.Headers;

namespace Ampora.Ingress.Webhooks;

/// <summary>What bodies may say that they are, for Ampora to look into them.</summary>
internal static class ContentTypes
{
    /// <summary>Whether a body of this type may be a payload: nothing said, JSON of any kind, a form, or text, which some senders say of JSON.</summary>
    public static bool IsReadable(string? contentType)
    {
        if (string.IsNullOrWhiteSpace(contentType))
            return true;
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type))
            return false;
        return type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase)
            || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);
    }
}
