using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks.Tests;

/// <summary>Requests as senders make them.</summary>
internal static class Requests
{
    public const string Form = "application/x-www-form-urlencoded";

    public static HeaderDictionary Headers(params (string Name, string Value)[] headers)
    {
        var dictionary = new HeaderDictionary();
        // Add keeps an empty value, as a server does; the indexer takes it for none.
        foreach (var values in headers.GroupBy(header => header.Name, header => header.Value, StringComparer.OrdinalIgnoreCase))
            dictionary.Add(values.Key, values.ToArray());
        return dictionary;
    }

    public static ReadOnlySequence<byte> Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>The same bytes in many segments, as a connection brings them.</summary>
    public static ReadOnlySequence<byte> InSegments(byte[] bytes, int size)
    {
        var first = new Segment(default, 0);
        var last = first;
        for (var start = 0; start < bytes.Length; start += size)
            last = last.Append(bytes.AsMemory(start, Math.Min(size, bytes.Length - start)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    public static WebhookBody Body(string text, string? contentType = "application/json") => new(Bytes(text), contentType);

    public static string Hmac(string secret, string body) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(body)));

    public static string Hmac(string secret, byte[] body) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    public static string Basic(string username, string password) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"));

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex) => (Memory, RunningIndex) = (memory, runningIndex);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
