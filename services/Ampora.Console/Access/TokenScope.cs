using System.Text.Json;
using Ampora.Store.Model;

namespace Ampora.Console.Access;

/// <summary>
/// Which sources a token may see. A token limited to sources and to labels sees what fulfils both; of several labels, all must match.
/// What is outside answers as if it were not there.
/// </summary>
/// <param name="Sources">Slugs; null: all.</param>
/// <param name="Labels">Labels that a source must have; null: none in particular.</param>
internal sealed record TokenScope(IReadOnlyList<string>? Sources, IReadOnlyDictionary<string, string>? Labels)
{
    public static TokenScope All { get; } = new(null, null);

    public bool IsUnlimited => Sources is null && Labels is null;

    public static TokenScope Of(ApiToken token) => new(
        token.SourcesJson is null ? null : JsonSerializer.Deserialize<List<string>>(token.SourcesJson),
        token.LabelsJson is null ? null : JsonSerializer.Deserialize<Dictionary<string, string>>(token.LabelsJson));

    /// <summary>Keeps the sources that the token may see.</summary>
    public IQueryable<Source> Apply(IQueryable<Source> sources)
    {
        if (Sources is not null)
            sources = sources.Where(s => Sources.Contains(s.Id));
        foreach (var (key, value) in Labels ?? new Dictionary<string, string>())
            sources = sources.Where(s => s.Labels.Any(l => l.Key == key && l.Value == value));
        return sources;
    }

    /// <summary>Whether the token may see a source.</summary>
    /// <param name="id">Its slug.</param>
    /// <param name="labels">Its labels; null when they are not known any more, as of a deleted source.</param>
    public bool Allows(string id, IReadOnlyDictionary<string, string>? labels) =>
        (Sources is null || Sources.Contains(id))
        && (Labels is null || (labels is not null && Labels.All(wanted => labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value)));
}
