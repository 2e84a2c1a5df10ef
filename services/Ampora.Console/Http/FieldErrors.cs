namespace Ampora.Console.Http;

/// <summary>What is wrong with a request's fields; all of it is told at once.</summary>
internal sealed class FieldErrors
{
    private readonly Dictionary<string, List<string>> _messages = new(StringComparer.Ordinal);
    private readonly HashSet<string> _codes = new(StringComparer.Ordinal);

    /// <summary>Notes a problem.</summary>
    /// <param name="field">The field's name in the request.</param>
    /// <param name="message">What is wrong and what it should be; it never repeats a secret.</param>
    /// <param name="code">A code of its own, told when nothing else is wrong.</param>
    public void Add(string field, string message, string code = "")
    {
        if (!_messages.TryGetValue(field, out var messages))
            _messages[field] = messages = [];
        messages.Add(message);
        _codes.Add(code);
    }

    /// <summary>Ends the request with 422 when something was noted.</summary>
    /// <param name="code">The code for problems that have none of their own.</param>
    /// <param name="title">What was refused.</param>
    public void ThrowIfAny(string code, string title)
    {
        if (_messages.Count == 0)
            return;
        var only = _codes.Count == 1 ? _codes.Single() : "";
        var detail = string.Join(' ', _messages.Select(field => $"{field.Key}: {string.Join(' ', field.Value)}"));
        throw new RequestRefusedException(422, only.Length > 0 ? only : code, title, detail)
        {
            Errors = _messages.ToDictionary(field => field.Key, field => field.Value.ToArray()),
        };
    }
}
