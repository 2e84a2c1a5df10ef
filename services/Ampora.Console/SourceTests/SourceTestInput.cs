using System.Text.Json;
using Ampora.Console.Credentials;
using Ampora.Console.Http;
using Ampora.Git;
using Ampora.Git.Credentials;

namespace Ampora.Console.SourceTests;

/// <summary>What is to be tried, as a request gives it. A URL or a ref that cannot be used is a finding of the test, not a bad request.</summary>
/// <param name="Url">Null: the source's.</param>
/// <param name="Ref">Null: the source's, or HEAD.</param>
/// <param name="SourceId">Null: of no source.</param>
/// <param name="KeepsCredential">Whether the source's stored credential is tried.</param>
/// <param name="Credential">What is tried in its place; null: none.</param>
internal sealed record SourceTestInput(string? Url, string? Ref, string? SourceId, bool KeepsCredential, GitCredential? Credential)
{
    private const int MaxIdLength = 63;

    /// <summary>Reads it. Everything that is wrong is told at once, and nothing of a secret is repeated.</summary>
    public static SourceTestInput Read(JsonElement json)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        var sourceId = fields.Text("sourceId", MaxIdLength);
        // A control character is what the test is to find, so that it is not refused before.
        var url = fields.Verbatim("url", GitUrl.MaxLength);
        if (url is null && sourceId is null && !fields.Has("url"))
            fields.Fail("url", "It is required, unless sourceId names a source whose URL is to be tried.");
        var @ref = fields.Verbatim("ref", GitRef.MaxLength);
        var keeps = !fields.Has("credential");
        var credential = fields.Object("credential") is { } given ? CredentialInput.Read(given) : null;
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_source_test", "Invalid source test");
        return new SourceTestInput(url, @ref, sourceId, keeps, credential);
    }

    /// <summary>Nothing of it.</summary>
    public override string ToString() => nameof(SourceTestInput);
}
