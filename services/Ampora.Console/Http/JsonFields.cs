using System.Text.Json;

namespace Ampora.Console.Http;

/// <summary>
/// The members of a JSON object, read one by one. What is wrong with them is collected, and members that nobody read are named: a misspelt one would otherwise
/// be ignored without a word.
/// </summary>
internal sealed class JsonFields
{
    private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly FieldErrors _errors;
    private readonly string _prefix;

    public JsonFields(JsonElement json, FieldErrors errors, string prefix = "")
    {
        _errors = errors;
        _prefix = prefix;
        foreach (var member in json.EnumerateObject())
            _members[member.Name] = member.Value;
    }

    public IEnumerable<string> Names => _members.Keys;

    /// <summary>Whether the member is there, null or not.</summary>
    public bool Has(string name)
    {
        _known.Add(name);
        return _members.ContainsKey(name);
    }

    /// <summary>Whether the member is there and null.</summary>
    public bool IsNull(string name) => Has(name) && _members[name].ValueKind == JsonValueKind.Null;

    /// <summary>Notes a problem with a member.</summary>
    public void Fail(string name, string message, string code = "") => _errors.Add(_prefix + name, message, code);

    /// <summary>Reads a text; null when it is absent, null or bad.</summary>
    /// <param name="name">The member.</param>
    /// <param name="maxLength">At most so many characters.</param>
    /// <param name="lines">Whether line breaks and tabs may be in it.</param>
    public string? Text(string name, int maxLength, bool lines = false)
    {
        if (!Has(name) || IsNull(name))
            return null;
        var value = _members[name];
        if (value.ValueKind != JsonValueKind.String)
        {
            Fail(name, "It should be a string.");
            return null;
        }

        string text;
        try
        {
            text = value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            Fail(name, "It is not valid Unicode text.");
            return null;
        }

        if (text.Length > maxLength)
            Fail(name, $"It should have at most {maxLength} characters; it has {text.Length}.");
        else if (text.Any(c => char.IsControl(c) && !(lines && c is '\n' or '\t')))
            Fail(name, "It should have no control characters.");
        else
            return text;
        return null;
    }

    /// <summary>Reads a text that must be there.</summary>
    public string? RequiredText(string name, int maxLength)
    {
        if (!Has(name) || IsNull(name))
            Fail(name, "It is required.");
        return Text(name, maxLength);
    }

    /// <summary>Reads lines, such as a key in PEM form: with \n alone between them, whatever they were sent with, and behind the last. Null when they are absent, null or bad.</summary>
    /// <param name="name">The member.</param>
    /// <param name="maxLength">At most so many characters.</param>
    public string? Lines(string name, int maxLength)
    {
        if (Verbatim(name, maxLength) is not { } text)
            return null;
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Trim(' ', '\t', '\n') + "\n";
        if (!text.Any(c => char.IsControl(c) && c is not ('\n' or '\t')))
            return text;
        Fail(name, "It should have no control characters except line breaks.");
        return null;
    }

    /// <summary>Reads lines that must be there.</summary>
    public string? RequiredLines(string name, int maxLength)
    {
        if (!Has(name) || IsNull(name))
            Fail(name, "It is required.");
        return Lines(name, maxLength);
    }

    /// <summary>Reads an id that must be there, and that may be sent as text or as a number.</summary>
    public string? RequiredTextOrNumber(string name, int maxLength)
    {
        if (Has(name) && _members[name].ValueKind == JsonValueKind.Number && _members[name].GetRawText() is var number && number.Length <= maxLength)
            return number;
        return RequiredText(name, maxLength);
    }

    /// <summary>Reads a text in which anything may be, such as a body that was sent elsewhere; null when it is absent, null or bad.</summary>
    /// <param name="name">The member.</param>
    /// <param name="maxLength">At most so many characters.</param>
    public string? Verbatim(string name, int maxLength)
    {
        if (!Has(name) || IsNull(name))
            return null;
        return ReadVerbatim(name, _members[name], maxLength);
    }

    /// <summary>Reads a text, or an array of texts, in which anything may be; null when it is absent, null or bad.</summary>
    /// <param name="name">The member.</param>
    /// <param name="maxCount">At most so many.</param>
    /// <param name="maxLength">At most so many characters each.</param>
    public IReadOnlyList<string>? OneOrMore(string name, int maxCount, int maxLength)
    {
        if (!Has(name) || IsNull(name))
            return null;
        var value = _members[name];
        if (value.ValueKind != JsonValueKind.Array)
            return ReadVerbatim(name, value, maxLength) is { } only ? [only] : null;
        if (value.GetArrayLength() > maxCount)
        {
            Fail(name, $"It should have at most {maxCount} items; it has {value.GetArrayLength()}.");
            return null;
        }

        var texts = new List<string>();
        foreach (var item in value.EnumerateArray())
        {
            if (ReadVerbatim(name, item, maxLength) is not { } text)
                return null;
            texts.Add(text);
        }

        return texts;
    }

    /// <summary>Reads a whole number; null when it is absent, null or bad.</summary>
    public int? Integer(string name, int min, int max)
    {
        if (!Has(name) || IsNull(name))
            return null;
        if (_members[name].ValueKind == JsonValueKind.Number && _members[name].TryGetInt32(out var number) && number >= min && number <= max)
            return number;
        Fail(name, $"It should be a whole number from {min} to {max}.");
        return null;
    }

    /// <summary>Reads true or false; null when it is absent, null or bad.</summary>
    public bool? Boolean(string name)
    {
        if (!Has(name) || IsNull(name))
            return null;
        if (_members[name].ValueKind is JsonValueKind.True or JsonValueKind.False)
            return _members[name].GetBoolean();
        Fail(name, "It should be true or false.");
        return null;
    }

    /// <summary>Reads one of some words; null when it is absent, null or bad.</summary>
    public string? OneOf(string name, params ReadOnlySpan<string> words)
    {
        const int longestWord = 64;
        var text = Text(name, longestWord);
        if (text is null || words.Contains(text))
            return text;
        Fail(name, $"It should be {string.Join(" or ", words.ToArray().Select(w => $"\"{w}\""))}.");
        return null;
    }

    /// <summary>Reads a time with its offset from UTC; null when it is absent, null or bad.</summary>
    public DateTimeOffset? Time(string name)
    {
        if (!Has(name) || IsNull(name))
            return null;
        if (_members[name].ValueKind == JsonValueKind.String && Timestamps.TryParse(Text(name, 64), out var time))
            return time;
        Fail(name, $"It should be {Timestamps.Expected}.");
        return null;
    }

    /// <summary>Reads an object; null when it is absent, null or bad.</summary>
    public JsonFields? Object(string name)
    {
        if (!Has(name) || IsNull(name))
            return null;
        if (_members[name].ValueKind == JsonValueKind.Object)
            return new JsonFields(_members[name], _errors, $"{_prefix}{name}.");
        Fail(name, "It should be an object.");
        return null;
    }

    /// <summary>Reads an array of texts; null when it is absent, null or bad.</summary>
    public IReadOnlyList<string>? Texts(string name, int maxCount, int maxLength)
    {
        if (!Has(name) || IsNull(name))
            return null;
        var value = _members[name];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            Fail(name, "It should be an array of strings.");
        else if (value.GetArrayLength() > maxCount)
            Fail(name, $"It should have at most {maxCount} items; it has {value.GetArrayLength()}.");
        else if (value.EnumerateArray().Any(item => item.GetRawText().Length > (maxLength * 6) + 2))
            Fail(name, $"Each item should have at most {maxLength} characters.");
        else
            return ReadTexts(name, value);
        return null;
    }

    /// <summary>Names what nobody read.</summary>
    public void RefuseUnknown()
    {
        foreach (var name in _members.Keys.Where(name => !_known.Contains(name)))
        {
            const int readable = 64;
            var shown = new string([.. name.Take(readable).Select(c => char.IsControl(c) ? '?' : c)]);
            _errors.Add(_prefix + shown, $"There is no such field; the fields are {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
        }
    }

    private string? ReadVerbatim(string name, JsonElement value, int maxLength)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            Fail(name, "It should be a string.");
            return null;
        }

        try
        {
            var text = value.GetString()!;
            if (text.Length <= maxLength)
                return text;
            Fail(name, $"It should have at most {maxLength} characters; it has {text.Length}.");
        }
        catch (InvalidOperationException)
        {
            Fail(name, "It is not valid Unicode text.");
        }

        return null;
    }

    private List<string>? ReadTexts(string name, JsonElement array)
    {
        try
        {
            return [.. array.EnumerateArray().Select(item => item.GetString()!)];
        }
        catch (InvalidOperationException)
        {
            Fail(name, "An item is not valid Unicode text.");
            return null;
        }
    }
}
