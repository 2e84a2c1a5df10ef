using Ampora.Console.Http;
using Ampora.Webhooks;

namespace Ampora.Console.Webhooks;

/// <summary>Reads from JSON how webhooks are to be authenticated. What is wrong with a secret is told without repeating any of it.</summary>
internal static class WebhookInput
{
    /// <summary>A month: long enough to change a secret at every Git host by hand, short enough to end.</summary>
    public const int MaxOverlapSeconds = 30 * 24 * 3600;

    /// <summary>What is shown of a webhook and cannot be set.</summary>
    public static readonly string[] ReadOnly =
        ["url", "field", "hasSecret", "createdAt", "previousValidUntil", "lastUsedAt", "previousLastUsedAt", "lastSignedBy"];

    private const int LongestName = 64;

    /// <summary>Reads the members of a webhook.</summary>
    /// <param name="fields">The members.</param>
    /// <param name="current">The method that it has, or has unless the request says otherwise.</param>
    public static WebhookChange Read(JsonFields fields, WebhookMethod current)
    {
        var method = ReadMethod(fields, "auth") ?? current;
        return new WebhookChange(method)
        {
            Secret = ReadSecret(fields, method),
            NamesUser = fields.Has("username") || method != current,
            Username = ReadUsername(fields, method),
            OverlapSeconds = fields.Integer("overlapSeconds", 0, MaxOverlapSeconds),
        };
    }

    /// <summary>Reads the name of a method; null when it is absent, null or bad.</summary>
    public static WebhookMethod? ReadMethod(JsonFields fields, string name)
    {
        if (fields.Text(name, LongestName) is not { } text)
            return null;
        if (WebhookMethod.Find(text) is { } method)
            return method;
        fields.Fail(name, $"It should be one of {string.Join(", ", WebhookMethod.All.Select(m => m.Name))}.");
        return null;
    }

    /// <summary>Reads a secret; null when it is absent, null or bad.</summary>
    public static string? ReadSecret(JsonFields fields, WebhookMethod method)
    {
        // The method says what is wrong with a longer one, or one with a line break, in words of its own.
        if (fields.Verbatim("secret", int.MaxValue) is not { } secret)
            return null;
        if (method.FindSecretProblem(secret) is not { } problem)
            return secret;
        fields.Fail("secret", problem);
        return null;
    }

    /// <summary>Reads a user name; null when it is absent, null or bad.</summary>
    public static string? ReadUsername(JsonFields fields, WebhookMethod method)
    {
        if (fields.Text("username", WebhookMethod.MaxUsernameLength) is not { Length: > 0 } username)
            return null;
        if (method.FindUsernameProblem(username) is not { } problem)
            return username;
        fields.Fail("username", problem);
        return null;
    }
}
