using Microsoft.AspNetCore.Authorization;

namespace Ampora.Console.Access;

/// <summary>What an API token may do; each role may do what the ones before it may.</summary>
internal static class Role
{
    /// <summary>Reads.</summary>
    public const string Viewer = "viewer";

    /// <summary>Also checks, pauses and resumes.</summary>
    public const string Operator = "operator";

    /// <summary>Also creates, changes and deletes sources, credentials, webhook tokens and API tokens.</summary>
    public const string Admin = "admin";

    public static readonly string[] All = [Viewer, Operator, Admin];

    /// <summary>The authorization policy for at least this role.</summary>
    public static string PolicyOf(string role) => $"ampora:{role}";

    public static void AddPolicies(AuthorizationOptions options)
    {
        for (var least = 0; least < All.Length; least++)
        {
            var roles = All[least..];
            options.AddPolicy(PolicyOf(All[least]), policy => policy.AddAuthenticationSchemes(ApiTokenHandler.Scheme).RequireRole(roles));
        }
    }
}
