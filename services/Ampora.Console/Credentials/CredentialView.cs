using Ampora.Console.Http;
using Ampora.Git;
using Ampora.Store.Model;

namespace Ampora.Console.Credentials;

/// <summary>A Git credential, of which nothing secret is shown.</summary>
/// <param name="Type"><c>none</c>, <c>basic</c>, <c>bearer</c>, <c>ssh</c> or <c>githubApp</c>.</param>
/// <param name="Authority">The scheme, host and port that it is sent to, and nowhere else.</param>
/// <param name="UpdatedAt">When it was given.</param>
/// <param name="HasCa">Whether certificate authorities of its own vouch for the host, in place of the system's.</param>
/// <param name="Fingerprint">Of an SSH key, the public key's fingerprint as the Git host shows it; null for keys that do not tell it.</param>
internal sealed record CredentialView(string Type, string Authority, DateTime UpdatedAt, bool HasCa, string? Fingerprint)
{
    private static readonly string[] Names = ["authority", "fingerprint", "hasCa", "type", "updatedAt"];

    public static CredentialView Of(Credential stored) => new(stored.Type, stored.Authority, stored.UpdatedAt.UtcDateTime, stored.CaDigest is not null, stored.Fingerprint);

    /// <summary>Whether a request sends back what GET shows: then nothing is to change.</summary>
    public bool IsSentBack(JsonFields fields) =>
        fields.Names.Order(StringComparer.Ordinal).SequenceEqual(Names)
        && fields.Text("type", 64) == Type
        && fields.Text("authority", GitUrl.MaxLength) == Authority;
}
