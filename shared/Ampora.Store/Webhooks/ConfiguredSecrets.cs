using System.ComponentModel.DataAnnotations;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>
/// Organisations' secrets for the shared endpoint that come from the configuration, <c>Ampora__Webhooks__Secrets__{name}__…</c>, and not from the database: for
/// those who keep all their secrets in one place outside. They change with a restart, so they have no overlap; one of the same name in the database is not used.
/// </summary>
public sealed class ConfiguredSecrets : IValidatableObject
{
    private const int MaxNameLength = 63;

    /// <summary>The secrets by their names.</summary>
    public Dictionary<string, ConfiguredSecret> Secrets { get; } = new(StringComparer.Ordinal);

    /// <summary>The secrets as those in the database are read.</summary>
    public IReadOnlyList<SharedSecret> ToShared() =>
    [
        .. Secrets.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s =>
        {
            _ = RepositoryAddress.FindPrefixProblem(s.Value.Prefix ?? "", out var prefix);
            return new SharedSecret(s.Key, s.Value.Provider!, prefix!, WebhookSecret.Of(FindMethod(s.Value.Provider)!, s.Value.Secret!, s.Value.Username), null, false);
        }),
    ];

    /// <summary>Finds everything that is wrong at once, when the service starts; no message repeats a secret.</summary>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, secret) in Secrets.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            var prefix = $"{nameof(Secrets)}__{name}";
            if (name.Length > MaxNameLength || !name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'))
                yield return new ValidationResult($"its name should be 1 to {MaxNameLength} of a-z, 0-9 and '-'.", [prefix]);

            var method = FindMethod(secret.Provider);
            if (method is null)
            {
                var known = string.Join(", ", WebhookMethod.All.Where(m => m != WebhookMethod.Token).Select(m => m.Name));
                yield return new ValidationResult($"it should be the Git host that sends: {known}.", [$"{prefix}__{nameof(secret.Provider)}"]);
            }

            if (RepositoryAddress.FindPrefixProblem(secret.Prefix ?? "", out _) is { } problem)
                yield return new ValidationResult(problem, [$"{prefix}__{nameof(secret.Prefix)}"]);

            if (method is not null && method.FindSecretProblem(secret.Secret ?? "") is { } weakness)
                yield return new ValidationResult(weakness, [$"{prefix}__{nameof(secret.Secret)}"]);

            if (method is not null && secret.Username is { Length: > 0 } username && method.FindUsernameProblem(username) is { } trouble)
                yield return new ValidationResult(trouble, [$"{prefix}__{nameof(secret.Username)}"]);
        }
    }

    /// <summary>The method of a provider; null when it is none that the shared endpoint takes.</summary>
    internal static WebhookMethod? FindMethod(string? provider) =>
        provider is { Length: > 0 } && WebhookMethod.Find(provider) is { } method && method != WebhookMethod.Token ? method : null;
}

/// <summary>One of <see cref="ConfiguredSecrets"/>.</summary>
public sealed class ConfiguredSecret
{
    /// <summary>The Git host that sends: <c>github</c>, <c>gitlab</c>, …</summary>
    public string? Provider { get; set; }

    /// <summary>The sources that it may wake: those whose repository is under this, such as <c>github.com/acme/</c>.</summary>
    public string? Prefix { get; set; }

    /// <summary>The secret, as the Git host has it; better in a file, by <c>…__Secret_FILE</c>.</summary>
    public string? Secret { get; set; }

    /// <summary>The name that Basic authentication must bring with it; null: any.</summary>
    public string? Username { get; set; }
}
