using System.Buffers;
using System.Text;
using System.Text.Json;
using Ampora.Console.Http;
using Microsoft.Extensions.Primitives;

namespace Ampora.Console.Explaining;

/// <summary>A delivery that somebody asks about: headers and body as the Git host sent them. It holds credentials, and is kept nowhere.</summary>
/// <param name="Headers">The headers.</param>
/// <param name="Body">The body's bytes.</param>
internal sealed record ExplainInput(IHeaderDictionary Headers, ReadOnlySequence<byte> Body)
{
    /// <summary>The largest request: the largest body with every character escaped, and as many headers as fit.</summary>
    public const int MaxRequestBytes = 8 * 1024 * 1024;

    // A Git host sends about fifteen, and proxies add a few.
    private const int MaxHeaders = 100;

    // Ingress takes 32 KiB of headers in all.
    private const int MaxHeaderLength = 8 * 1024;
    private const int MaxNameLength = 200;

    // A push of a thousand commits; who wants to explain more leaves commits out, and signs anew.
    private const int MaxBodyBytes = 1024 * 1024;

    /// <summary>Reads it. Everything that is wrong is told at once, and nothing of what was given is repeated.</summary>
    public static ExplainInput Read(JsonElement json)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        var headers = ReadHeaders(fields);
        var body = ReadBody(fields);
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_explanation", "Invalid delivery to explain");
        return new ExplainInput(headers, new ReadOnlySequence<byte>(body));
    }

    /// <summary>Nothing of it.</summary>
    public override string ToString() => nameof(ExplainInput);

    private static HeaderDictionary ReadHeaders(JsonFields fields)
    {
        var headers = new HeaderDictionary();
        if (!fields.Has("headers") || fields.IsNull("headers"))
            fields.Fail("headers", "They are required: an object of each header's name and its value, or an array of its values.");
        if (fields.Object("headers") is not { } given)
            return headers;

        var count = 0;
        foreach (var name in given.Names)
        {
            if (name.Length is 0 or > MaxNameLength || !name.All(c => c is > ' ' and < '\x7f' and not ':'))
                fields.Fail("headers", $"A header's name should be 1 to {MaxNameLength} printable ASCII characters without spaces and colons.");
            else if (given.OneOrMore(name, MaxHeaders, MaxHeaderLength) is { } values)
                Add(headers, name, values);
            count = headers.Sum(header => header.Value.Count);
            if (count > MaxHeaders)
            {
                fields.Fail("headers", $"There should be at most {MaxHeaders} of them.");
                break;
            }
        }

        return headers;
    }

    // Two names may differ in case alone. The dictionary's indexer would take an empty value for none, and an empty signature is another fault than a missing one.
    private static void Add(HeaderDictionary headers, string name, IReadOnlyList<string> values)
    {
        var all = StringValues.Concat(headers.TryGetValue(name, out var before) ? before : default, new StringValues([.. values]));
        headers.Remove(name);
        headers.Add(name, all);
    }

    private static byte[] ReadBody(JsonFields fields)
    {
        if (fields.Has("body") && !fields.IsNull("body") && fields.Has("bodyBase64") && !fields.IsNull("bodyBase64"))
            fields.Fail("bodyBase64", "Give body or bodyBase64, not both.");
        const int maxBase64 = (MaxBodyBytes + 2) / 3 * 4;
        if (fields.Verbatim("bodyBase64", maxBase64) is { } encoded)
        {
            var bytes = new byte[encoded.Length];
            if (Convert.TryFromBase64String(encoded, bytes, out var length))
                return bytes[..length];
            fields.Fail("bodyBase64", "It should be base64.");
        }

        var body = Encoding.UTF8.GetBytes(fields.Verbatim("body", MaxBodyBytes) ?? "");
        if (body.Length > MaxBodyBytes)
            fields.Fail("body", $"It should have at most {MaxBodyBytes} bytes as UTF-8; it has {body.Length}.");
        return body;
    }
}
