using System.Buffers;
using System.Text.Json;

namespace Ampora.Webhooks.Payloads;

/// <summary>
/// Walks through a payload once, from front to back, and keeps nothing of what is not asked for: a body of 25 MB costs its own memory and no
/// more. What is of another type than it should be counts as absent. Of a key that comes twice, the last counts.
/// </summary>
internal ref struct PayloadCursor
{
    /// <summary>The deepest of the payloads is at eleven; deeper ones are made to exhaust a stack.</summary>
    public const int MaxDepth = 64;

    /// <summary>Longer than any URL or ref that a Git host takes.</summary>
    public const int MaxStringLength = 2048;

    // A character is at most six bytes of JSON: \u0041.
    private const int MaxRawStringLength = 6 * MaxStringLength;

    private Utf8JsonReader _reader;

    public PayloadCursor(ReadOnlySequence<byte> json)
    {
        // Not part of JSON, but some senders' encoders put it there.
        var mark = "\uFEFF"u8;
        var start = json.Slice(0, Math.Min(json.Length, mark.Length));
        _reader = new Utf8JsonReader(start.ToArray().AsSpan().SequenceEqual(mark) ? json.Slice(mark.Length) : json, new JsonReaderOptions { MaxDepth = MaxDepth });
    }

    /// <summary>Whether it cannot go any deeper.</summary>
    public readonly bool IsDeepest => _reader.CurrentDepth >= MaxDepth;

    /// <summary>Enters the payload itself.</summary>
    /// <returns>False when it is no object.</returns>
    public bool EnterRoot() => _reader.Read() && _reader.TokenType == JsonTokenType.StartObject;

    /// <summary>Reads what comes after the payload, which must be nothing.</summary>
    public void ExpectEnd()
    {
        while (_reader.Read())
        {
        }
    }

    /// <summary>Goes to the next property of the object that was entered; false at its end.</summary>
    public bool NextProperty() => _reader.Read() && _reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>Whether the property has this name.</summary>
    public readonly bool Is(ReadOnlySpan<byte> name) => _reader.ValueTextEquals(name);

    /// <summary>Enters the property's value.</summary>
    /// <returns>False when it is no object, and is passed.</returns>
    public bool EnterObject() => Enter(JsonTokenType.StartObject);

    /// <summary>Enters the property's value.</summary>
    /// <returns>False when it is no array, and is passed.</returns>
    public bool EnterArray() => Enter(JsonTokenType.StartArray);

    /// <summary>Enters the array's next element.</summary>
    /// <param name="isObject">Whether it is an object, and is entered; anything else is passed.</param>
    /// <returns>False at the array's end.</returns>
    public bool NextElement(out bool isObject)
    {
        isObject = false;
        if (!_reader.Read() || _reader.TokenType == JsonTokenType.EndArray)
            return false;
        isObject = _reader.TokenType == JsonTokenType.StartObject;
        if (!isObject)
            _reader.Skip();
        return true;
    }

    /// <summary>The property's value; null when it is no text, too long, or no valid Unicode.</summary>
    public string? ReadString()
    {
        _reader.Read();
        return Text();
    }

    /// <summary>The text under a name in the property's value; null when that is no object, or has none.</summary>
    public string? ReadStringOf(ReadOnlySpan<byte> name)
    {
        string? text = null;
        if (!EnterObject())
            return null;
        while (NextProperty())
        {
            if (Is(name))
                text = ReadString();
            else
                Skip();
        }

        return text;
    }

    /// <summary>The property's value; false when it is none.</summary>
    public bool ReadBoolean()
    {
        _reader.Read();
        var value = _reader.TokenType == JsonTokenType.True;
        _reader.Skip();
        return value;
    }

    /// <summary>Passes the property's value.</summary>
    public void Skip()
    {
        _reader.Read();
        _reader.Skip();
    }

    private bool Enter(JsonTokenType start)
    {
        _reader.Read();
        if (_reader.TokenType == start)
            return true;
        _reader.Skip();
        return false;
    }

    private string? Text()
    {
        if (_reader.TokenType != JsonTokenType.String)
        {
            _reader.Skip();
            return null;
        }

        var length = _reader.HasValueSequence ? _reader.ValueSequence.Length : _reader.ValueSpan.Length;
        if (length > MaxRawStringLength)
            return null;
        try
        {
            return _reader.GetString() is { Length: > 0 and <= MaxStringLength } text ? text : null;
        }
        catch (InvalidOperationException)
        {
            // Invalid UTF-8, or half of a surrogate pair.
            return null;
        }
    }
}
