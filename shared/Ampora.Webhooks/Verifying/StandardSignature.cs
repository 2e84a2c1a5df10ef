using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks.Verifying;

/// <summary>A signature as Standard Webhooks have it: over id, time and body, one for each key that the sender rotates between.</summary>
internal sealed class StandardSignature
{
    // The specification's bounds: as far as clocks drift, and no further than a replay is worth.
    public const int WindowSeconds = 300;

    private const string Version = "v1,";

    // Two while keys are rotated; more would buy comparisons, not safety.
    private const int MaxSignatures = 16;

    // As many digits as seconds have until the year 33658.
    private const int MaxTimestampDigits = 12;

    private StandardSignature(HeaderState state, HeaderState id, HeaderState timestamp) => (State, Id, Timestamp) = (state, id, timestamp);

    /// <summary>How the signatures came.</summary>
    public HeaderState State { get; }

    /// <summary>How the id came.</summary>
    public HeaderState Id { get; }

    /// <summary>How the time came.</summary>
    public HeaderState Timestamp { get; }

    public long Seconds { get; private init; }

    /// <summary>What is signed before the body.</summary>
    public byte[] Prefix { get; private init; } = [];

    public IReadOnlyList<byte[]> Digests { get; private init; } = [];

    public bool IsReadable => (State, Id, Timestamp) is (HeaderState.Readable, HeaderState.Readable, HeaderState.Readable);

    /// <summary>Whether something came that may be meant as a signature.</summary>
    public bool Came => State is not (HeaderState.Missing or HeaderState.Empty);

    public static StandardSignature Of(IHeaderDictionary headers)
    {
        var (id, timestamp, signature) = (headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]);
        var seconds = 0L;
        var timestampState = StateOf(timestamp);
        if (timestampState == HeaderState.Readable
            && (timestamp[0]!.Length > MaxTimestampDigits || !long.TryParse(timestamp[0], NumberStyles.None, CultureInfo.InvariantCulture, out seconds)))
            timestampState = HeaderState.Malformed;
        List<byte[]> digests = [];
        var state = StateOf(signature);
        if (state == HeaderState.Readable)
            state = Read(signature[0]!, digests);
        return new StandardSignature(state, StateOf(id), timestampState)
        {
            Seconds = seconds,
            Prefix = timestampState == HeaderState.Readable ? Encoding.UTF8.GetBytes($"{id}.{timestamp}.") : [],
            Digests = digests,
        };
    }

    public bool IsTimely(DateTimeOffset now) => Math.Abs(now.ToUnixTimeSeconds() - Seconds) <= WindowSeconds;

    private static HeaderState StateOf(StringValues values) => values.Count switch
    {
        0 => HeaderState.Missing,
        1 => string.IsNullOrWhiteSpace(values[0]) ? HeaderState.Empty : HeaderState.Readable,
        _ => HeaderState.Repeated,
    };

    // Signatures of other versions are skipped, as the specification asks: v1a is made with another kind of key.
    private static HeaderState Read(string text, List<byte[]> digests)
    {
        var empty = false;
        var count = 0;
        foreach (var range in text.AsSpan().Split(' '))
        {
            var part = text.AsSpan()[range];
            if (!part.StartsWith(Version, StringComparison.Ordinal))
                continue;
            if (++count > MaxSignatures)
                return HeaderState.Malformed;
            var base64 = part[Version.Length..];
            empty |= base64.IsEmpty;
            var digest = new byte[HMACSHA256.HashSizeInBytes];
            // Four characters for three bytes: white space, which .NET would skip, makes it too short.
            if (base64.Length == (digest.Length + 2) / 3 * 4 && Convert.TryFromBase64Chars(base64, digest, out var written) && written == digest.Length)
                digests.Add(digest);
        }

        if (digests.Count > 0)
            return HeaderState.Readable;
        return empty ? HeaderState.Empty : HeaderState.Malformed;
    }
}
