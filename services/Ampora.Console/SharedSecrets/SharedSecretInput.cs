using System.Text.Json;
using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Store.Model;
using Ampora.Webhooks;

namespace Ampora.Console.SharedSecrets;

/// <summary>What a request wants of an organisation's secret.</summary>
/// <param name="Method">The Git host that sends.</param>
/// <param name="Prefix">The normalised prefix.</param>
/// <param name="Secret">The secret; null: generate one for a new name, keep that of an old one.</param>
/// <param name="Username">The user name that Basic authentication must bring; null: any.</param>
/// <param name="OverlapSeconds">How long the secret that is replaced is accepted too; null: nothing was said.</param>
internal sealed record SharedSecretInput(WebhookMethod Method, string Prefix, string? Secret, string? Username, int? OverlapSeconds)
{
    // A prefix is host and path, of which a source's URL has no more.
    private const int MaxPrefixLength = 2048;

    private static readonly string[] ReadOnly =
        ["name", "origin", "url", "field", "createdAt", "previousValidUntil", "lastUsedAt", "previousLastUsedAt", "lastSignedBy"];

    /// <summary>Reads it. Everything that is wrong is told at once.</summary>
    /// <param name="json">The request's object.</param>
    /// <param name="current">What is stored; null when it is new.</param>
    public static SharedSecretInput Read(JsonElement json, SharedWebhookSecret? current)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        // A shown one can be changed and sent back: what cannot be set is passed over.
        foreach (var name in ReadOnly)
            fields.Has(name);
        var method = ReadProvider(fields, current);
        var prefix = ReadPrefix(fields);
        var secret = WebhookInput.ReadSecret(fields, method);
        var username = fields.Has("username") ? WebhookInput.ReadUsername(fields, method) : current?.Username;
        var overlap = fields.Integer("overlapSeconds", 0, WebhookInput.MaxOverlapSeconds);
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_webhook_secret", "Invalid webhook secret");
        return new SharedSecretInput(method, prefix, secret, username, overlap);
    }

    /// <summary>Never the secret.</summary>
    public override string ToString() => Prefix;

    private static WebhookMethod ReadProvider(JsonFields fields, SharedWebhookSecret? current)
    {
        if (!fields.Has("provider") || fields.IsNull("provider"))
            fields.Fail("provider", "It is required.");
        var method = WebhookInput.ReadMethod(fields, "provider") ?? WebhookMethod.GitHub;
        if (method == WebhookMethod.Token)
            fields.Fail("provider", "It should be a Git host: a token alone does not say which repository was pushed to.");
        if (current is not null && current.Provider != method.Name)
            fields.Fail("provider", $"It never changes, and is \"{current.Provider}\": make another secret under another name.");
        return method;
    }

    private static string ReadPrefix(JsonFields fields)
    {
        if (fields.RequiredText("prefix", MaxPrefixLength) is not { } text)
            return "";
        if (RepositoryAddress.FindPrefixProblem(text, out var prefix) is { } problem)
            fields.Fail("prefix", problem);
        return prefix ?? "";
    }
}
