using System.Text.RegularExpressions;
using Ampora.Console.Http;
using Ampora.Git;
using Ampora.Store.Model;
using Ampora.Git.Credentials;

namespace Ampora.Console.Sources;

/// <summary>Reads a Git credential from JSON. What is wrong with it is told without repeating any of it.</summary>
internal static partial class CredentialInput
{
    // Access tokens of Git hosts have up to some hundred characters, JSON Web Tokens a few thousand.
    private const int MaxSecretLength = 8192;
    private const int MaxUsernameLength = 255;

    public static CredentialChange Read(JsonFields source, InputMode mode, Credential? stored)
    {
        var keep = new CredentialChange.Keep();
        if (source.Object("credential") is not { } fields)
            return keep;
        if (mode == InputMode.Replace && IsAsShown(fields, stored))
            return keep;

        const int longestType = 64;
        var type = fields.RequiredText("type", longestType);
        GitCredential? credential = type switch
        {
            "basic" => ReadBasic(fields),
            "bearer" => ReadBearer(fields),
            _ => null,
        };
        if (credential is null && type is not (null or "basic" or "bearer"))
        {
            fields.Fail("type", "It should be \"basic\" (username, password) or \"bearer\" (token); no other type is supported yet.", "unsupported_credential");
            return keep;
        }

        if (fields.Has("ca") && !fields.IsNull("ca"))
            fields.Fail("ca", "Certificate authorities per source are not supported yet: add yours to the system's of the sweepers.", "unsupported_credential");
        fields.RefuseUnknown();
        return credential is null ? keep : new CredentialChange.Set(type!, credential);
    }

    // What GET shows of a credential, sent back: nothing is to change.
    private static bool IsAsShown(JsonFields fields, Credential? stored) =>
        stored is not null
        && fields.Names.Order(StringComparer.Ordinal).SequenceEqual(["authority", "type", "updatedAt"])
        && fields.Text("type", 64) == stored.Type
        && fields.Text("authority", GitUrl.MaxLength) == stored.Authority;

    private static GitCredential.Basic? ReadBasic(JsonFields fields)
    {
        var username = fields.RequiredText("username", MaxUsernameLength);
        var password = fields.RequiredText("password", MaxSecretLength);
        if (username?.Contains(':', StringComparison.Ordinal) == true)
            fields.Fail("username", "It should have no colon (RFC 7617).");
        if (password is "")
            fields.Fail("password", "It should not be empty; for a public repository leave the credential out.");
        return username is null || password is null ? null : new GitCredential.Basic(username, password);
    }

    private static GitCredential.Bearer? ReadBearer(JsonFields fields)
    {
        var token = fields.RequiredText("token", MaxSecretLength);
        if (token is not null && !Token68().IsMatch(token))
            fields.Fail("token", "It should be letters, digits and any of - . _ ~ + / with = only at the end (RFC 6750).");
        return token is null ? null : new GitCredential.Bearer(token);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._~+/-]+=*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Token68();
}
