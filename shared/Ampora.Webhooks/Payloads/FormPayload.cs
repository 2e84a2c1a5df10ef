using System.Buffers;

namespace Ampora.Webhooks.Payloads;

/// <summary>Finds the field <c>payload</c> of a form. Nothing else of it is decoded or kept.</summary>
internal static class FormPayload
{
    // Senders have one, and a few of their own at most; each costs a search.
    private const int MaxFields = 100;

    private const int NotHexadecimal = -1;

    /// <summary>The field's value, decoded once; null when there is none, more than one, or one that cannot be decoded.</summary>
    public static ReadOnlySequence<byte>? Find(ReadOnlySequence<byte> form)
    {
        ReadOnlySequence<byte>? found = null;
        var rest = form;
        for (var fields = 1; !rest.IsEmpty; fields++)
        {
            if (fields > MaxFields)
                return null;
            var end = rest.PositionOf((byte)'&');
            var field = end is { } ampersand ? rest.Slice(0, ampersand) : rest;
            rest = end is { } at ? rest.Slice(rest.GetPosition(1, at)) : ReadOnlySequence<byte>.Empty;
            if (field.PositionOf((byte)'=') is not { } equals || !IsPayload(field.Slice(0, equals)))
                continue;
            // Which of two the signature is over, and which is read, would be two answers.
            if (found is not null)
                return null;
            found = Decode(field.Slice(field.GetPosition(1, equals)));
            if (found is null)
                return null;
        }

        return found;
    }

    private static bool IsPayload(ReadOnlySequence<byte> name)
    {
        var expected = "payload"u8;
        // Each character may be written as a percent sign and two digits; a longer name is another one.
        return name.Length >= expected.Length && name.Length <= 3 * expected.Length && Decode(name) is { } decoded && decoded.FirstSpan.SequenceEqual(expected);
    }

    // Into one array of its size, which each percent sign makes two bytes shorter than the form.
    private static ReadOnlySequence<byte>? Decode(ReadOnlySequence<byte> raw)
    {
        var size = raw.Length;
        foreach (var segment in raw)
            size -= 2L * segment.Span.Count((byte)'%');
        if (size < 0)
            return null;
        var decoded = new byte[checked((int)size)];
        var length = 0;
        var digitsLeft = 0;
        var value = 0;
        foreach (var segment in raw)
        {
            foreach (var one in segment.Span)
            {
                if (digitsLeft > 0)
                {
                    var digit = Digit(one);
                    if (digit == NotHexadecimal)
                        return null;
                    value = (value << 4) | digit;
                    if (--digitsLeft == 0)
                    {
                        if (length == decoded.Length)
                            return null;
                        decoded[length++] = (byte)value;
                    }
                }
                else if (one == '%')
                {
                    (digitsLeft, value) = (2, 0);
                }
                else if (length == decoded.Length)
                {
                    // A percent sign without its digits follows.
                    return null;
                }
                else
                {
                    decoded[length++] = one == '+' ? (byte)' ' : one;
                }
            }
        }

        return digitsLeft > 0 ? null : new ReadOnlySequence<byte>(decoded, 0, length);
    }

    private static int Digit(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => NotHexadecimal,
    };
}
