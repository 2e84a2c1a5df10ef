using System.Text.Json.Serialization;
using Ampora.Console.Webhooks;
using Ampora.Store.Model;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;

namespace Ampora.Console.SharedSecrets;

/// <summary>An organisation's secret for the shared endpoint as the API shows it.</summary>
internal sealed record SharedSecretView
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary><c>api</c>, or <c>configuration</c> for one that the settings give and that is not changed here.</summary>
    public required string Origin { get; init; }

    /// <summary>The Git host that sends.</summary>
    public required string Provider { get; init; }

    /// <summary>The sources that it may wake are those whose repository is under this.</summary>
    public required string Prefix { get; init; }

    /// <summary>Where the Git host sends its webhooks.</summary>
    public required string Url { get; init; }

    /// <summary>Where the Git host wants the secret.</summary>
    public required string Field { get; init; }

    /// <summary>The user name that Basic authentication must bring; null: any.</summary>
    public required string? Username { get; init; }

    /// <summary>The secret itself, once, in the answer that generates it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Token { get; init; }

    /// <summary>When the current secret was set; null for one of the configuration.</summary>
    public DateTime? CreatedAt { get; init; }

    /// <summary>Until when the previous secret is accepted too; null: it is not.</summary>
    public DateTime? PreviousValidUntil { get; init; }

    /// <summary>When the current secret last verified a delivery.</summary>
    public DateTime? LastUsedAt { get; init; }

    /// <summary>When the previous secret last verified a delivery.</summary>
    public DateTime? PreviousLastUsedAt { get; init; }

    /// <summary><c>current</c> or <c>previous</c>: which secret verified the last delivery; null: neither has yet.</summary>
    public string? LastSignedBy { get; init; }

    /// <summary>What the ETag is made of; null for one of the configuration.</summary>
    [JsonIgnore]
    public long? Version { get; init; }

    public static SharedSecretView Of(SharedWebhookSecret row, string? token, string url, DateTimeOffset now)
    {
        var times = new SecretTimes
        {
            HasSecret = SecretRotation.HasCurrent(row),
            IsEncrypted = row.SecretEncrypted is not null,
            Username = row.Username,
            CreatedAt = row.CreatedAt,
            UsedAt = row.UsedAt,
            PreviousValidUntil = row.PreviousValidUntil,
            PreviousUsedAt = row.PreviousUsedAt,
        };
        var webhook = WebhookView.Of(row.Auth, times, now);
        return new SharedSecretView
        {
            Name = row.Name,
            Origin = "api",
            Provider = row.Provider,
            Prefix = row.Prefix,
            Url = url,
            Field = webhook.Field,
            Username = webhook.Username,
            Token = token,
            CreatedAt = webhook.CreatedAt,
            PreviousValidUntil = webhook.PreviousValidUntil,
            LastUsedAt = webhook.LastUsedAt,
            PreviousLastUsedAt = webhook.PreviousLastUsedAt,
            LastSignedBy = webhook.LastSignedBy,
            Version = row.Version,
        };
    }

    public static SharedSecretView Of(string name, ConfiguredSecret secret, string url)
    {
        _ = RepositoryAddress.FindPrefixProblem(secret.Prefix ?? "", out var prefix);
        var method = WebhookMethod.Find(secret.Provider ?? "") ?? WebhookMethod.Token;
        return new SharedSecretView
        {
            Name = name,
            Origin = "configuration",
            Provider = method.Name,
            Prefix = prefix ?? "",
            Url = url,
            Field = method.FieldOf(secret.Secret ?? ""),
            Username = string.IsNullOrEmpty(secret.Username) ? null : secret.Username,
        };
    }

    /// <summary>Never the secret.</summary>
    public override string ToString() => Name;
}
