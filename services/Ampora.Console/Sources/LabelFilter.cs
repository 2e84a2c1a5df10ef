using Ampora.Console.Http;
using Ampora.Store.Model;

namespace Ampora.Console.Sources;

/// <summary>The query parameter <c>label</c>, repeatable: <c>key=value</c>, or <c>key</c> for any value. All must match.</summary>
internal sealed class LabelFilter
{
    // Each is one more condition of the query.
    private const int MaxFilters = 10;

    private readonly List<(string Key, string? Value)> _wanted = [];

    public static LabelFilter Read(string[] parameters)
    {
        if (parameters.Length > MaxFilters)
            throw RequestRefusedException.BadQuery("label", $"may be given at most {MaxFilters} times.");
        var filter = new LabelFilter();
        foreach (var text in parameters)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (text, null) : (text[..equals], text[(equals + 1)..]);
            if (SourceRules.FindLabelKeyProblem(key) is not null || value?.Length > SourceRules.MaxLabelValueLength || value?.Any(char.IsControl) == true)
                throw RequestRefusedException.BadQuery("label", "should be key=value, or key alone for any value.");
            filter._wanted.Add((key, value));
        }

        return filter;
    }

    public IQueryable<Source> Apply(IQueryable<Source> sources)
    {
        foreach (var (key, value) in _wanted)
        {
            sources = value is null
                ? sources.Where(s => s.Labels.Any(l => l.Key == key))
                : sources.Where(s => s.Labels.Any(l => l.Key == key && l.Value == value));
        }

        return sources;
    }

    /// <summary>Whether labels fulfil it; those of a deleted source, which are not known, fulfil only an empty one.</summary>
    public bool Matches(IReadOnlyDictionary<string, string>? labels) =>
        _wanted.All(wanted => labels is not null && labels.TryGetValue(wanted.Key, out var value) && (wanted.Value is null || wanted.Value == value));
}
