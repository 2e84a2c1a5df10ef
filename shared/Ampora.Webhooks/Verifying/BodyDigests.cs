using System.Buffers;
using System.Security.Cryptography;

namespace Ampora.Webhooks.Verifying;

/// <summary>The signatures that one key gives for a request. Which are computed depends on the request alone, never on whose key it is.</summary>
/// <param name="Raw">Over the body as it came.</param>
/// <param name="Json">Over the JSON in it.</param>
/// <param name="Standard">Over id, time and body as it came.</param>
internal sealed record BodyDigests(byte[] Raw, byte[] Json, byte[] Standard)
{
    // An empty digest equals no signature.
    private static readonly byte[] None = [];

    public static BodyDigests Of(byte[] key, PresentedCredentials presented, WebhookBody body)
    {
        var (raw, json, standard) = (None, None, None);
        if (presented.HasHexSignature)
        {
            raw = Sign(key, [], body.Raw);
            if (!body.IsForm)
                json = raw;
            else if (body.TryGetJson(out var decoded))
                json = Sign(key, [], decoded);
        }

        if (presented.Standard.IsReadable)
            standard = Sign(key, presented.Standard.Prefix, body.Raw);
        return new BodyDigests(raw, json, standard);
    }

    // Segment by segment: the body is never copied.
    private static byte[] Sign(byte[] key, ReadOnlySpan<byte> before, ReadOnlySequence<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(before);
        foreach (var segment in body)
            hmac.AppendData(segment.Span);
        return hmac.GetHashAndReset();
    }
}
