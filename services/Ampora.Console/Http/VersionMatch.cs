using System.Globalization;
using Microsoft.Net.Http.Headers;

namespace Ampora.Console.Http;

/// <summary>What a request's <c>If-Match</c> demands (RFC 9110).</summary>
internal sealed class VersionMatch
{
    private readonly IList<EntityTagHeaderValue>? _tags;

    private VersionMatch(IList<EntityTagHeaderValue>? tags) => _tags = tags;

    public static VersionMatch Of(HttpRequest request)
    {
        var values = request.Headers.IfMatch;
        if (values.Count == 0)
            return new VersionMatch(null);
        // What cannot be read matches nothing: the client wanted a condition.
        return new VersionMatch(EntityTagHeaderValue.TryParseStrictList(values!, out var tags) ? tags : []);
    }

    public static string TagOf(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    /// <summary>Answers 412 when the version is not one that was demanded.</summary>
    public void Require(long version)
    {
        if (_tags is null || _tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || (!tag.IsWeak && tag.Tag == TagOf(version))))
            return;
        throw new RequestRefusedException(
            412, "etag_mismatch", "Changed meanwhile", "It is not at the version that If-Match names: read it again, and make the change on what it is now.");
    }
}
