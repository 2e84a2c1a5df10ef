using System.Text.Json;
using Ampora.Console.Credentials;
using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Git;
using Ampora.Git.Credentials;
using Ampora.Git.Filtering;
using Ampora.Git.Signatures;
using Ampora.Store.Model;
using Ampora.Webhooks;

namespace Ampora.Console.Sources;

/// <summary>How a request's members and the stored settings come together.</summary>
internal enum InputMode
{
    /// <summary>POST: what is absent has its default.</summary>
    Create,

    /// <summary>PUT: what is absent has its default, except the credential and the webhook, of which nobody can read the secret and send it back.</summary>
    Replace,

    /// <summary>PATCH (RFC 7396): what is absent stays, what is null has its default.</summary>
    Merge,
}

/// <summary>Reads a source from JSON. Everything that is wrong is told at once.</summary>
internal static class SourceInput
{
    // A shown source can be changed and sent back with PUT: what cannot be set is passed over there.
    private static readonly string[] ReadOnly = ["state", "pauseReason", "createdAt", "updatedAt"];

    private static string ReadId(JsonFields fields)
    {
        var id = fields.RequiredText("id", 1000);
        if (id is not null && !SourceRules.IsSlug(id))
            fields.Fail("id", SourceRules.SlugForm);
        return id ?? "";
    }

    /// <summary>Reads the settings.</summary>
    /// <param name="json">The request's object.</param>
    /// <param name="mode">What absent members mean.</param>
    /// <param name="current">The stored source; null when it is created.</param>
    /// <param name="addresses">Where Git may connect to.</param>
    /// <returns>The id, given or stored, and the settings.</returns>
    public static (string Id, SourceSettings Settings) Read(JsonElement json, InputMode mode, Source? current, AddressPolicy addresses)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        var id = current?.Id ?? ReadId(fields);
        if (current is not null && fields.Has("id") && fields.Text("id", 1000) != id)
            fields.Fail("id", "It never changes: leave it out, or send the id that the path has.");
        if (mode == InputMode.Replace)
        {
            foreach (var name in ReadOnly)
                fields.Has(name);
        }

        var kept = mode == InputMode.Merge ? current : null;
        var url = ReadUrl(fields, kept, addresses);
        var settings = new SourceSettings
        {
            Url = url?.ToString() ?? "",
            Authority = url?.Authority ?? "",
            Host = url?.HostAndPort ?? "",
            Ref = ReadRef(fields, kept),
            Description = fields.Has("description") ? fields.Text("description", SourceRules.MaxDescriptionLength, lines: true) : kept?.Description,
            Owner = fields.Has("owner") ? fields.Text("owner", SourceRules.MaxOwnerLength) : kept?.Owner,
            PollIntervalSeconds = ReadOr(fields, "pollIntervalSeconds", kept?.PollIntervalSeconds, SourceRules.DefaultPollIntervalSeconds, name =>
                fields.Integer(name, SourceRules.MinPollIntervalSeconds, SourceRules.MaxPollIntervalSeconds)),
            Polling = fields.Has("polling") ? fields.OneOf("polling", SourceRules.Fixed, SourceRules.Adaptive) ?? SourceRules.Fixed : kept?.Polling ?? SourceRules.Fixed,
            Paused = ReadOr(fields, "paused", kept?.Wakeup?.Paused, false, fields.Boolean),
            Labels = ReadLabels(fields, kept),
            Include = ReadFilter(fields, "include", kept?.Include),
            Exclude = ReadFilter(fields, "exclude", kept?.Exclude),
            AllowedSigners = ReadAllowedSigners(fields, kept?.AllowedSigners),
            Webhook = ReadWebhook(fields, mode, current, url),
            Credential = ReadCredential(fields, mode, current, url),
        };
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_source", "Invalid source");
        return (id, settings);
    }

    private static T ReadOr<T>(JsonFields fields, string name, T? kept, T byDefault, Func<string, T?> read)
        where T : struct =>
        fields.Has(name) ? read(name) ?? byDefault : kept ?? byDefault;

    private static GitUrl? ReadUrl(JsonFields fields, Source? kept, AddressPolicy addresses)
    {
        // A stored one that is kept was good when it was stored; where it may not connect to now, the sweeper finds.
        var given = kept is null || fields.Has("url");
        if ((given ? fields.RequiredText("url", GitUrl.MaxLength) : kept!.Url) is not { } text)
            return null;
        if ((GitUrl.TryParse(text, out var url) ?? (given ? addresses.FindProblem(url!) : null)) is not { } problem)
            return url;
        fields.Fail("url", problem);
        return null;
    }

    private static string ReadRef(JsonFields fields, Source? kept)
    {
        const string defaultBranch = "HEAD";
        if (!fields.Has("ref"))
            return kept?.Ref ?? defaultBranch;
        if (fields.Text("ref", GitRef.MaxLength) is not { } name)
            return defaultBranch;
        if (GitRef.FindProblem(name) is { } problem)
            fields.Fail("ref", problem);
        return name;
    }

    private static Dictionary<string, string> ReadLabels(JsonFields fields, Source? kept)
    {
        var labels = (kept?.Labels ?? []).ToDictionary(l => l.Key, l => l.Value, StringComparer.Ordinal);
        if (fields.IsNull("labels"))
            labels.Clear();
        if (fields.Object("labels") is not { } given)
            return labels;

        foreach (var key in given.Names)
        {
            if (SourceRules.FindLabelKeyProblem(key) is { } problem)
                fields.Fail("labels", problem);
            else if (given.IsNull(key))
                labels.Remove(key);
            else if (given.Text(key, SourceRules.MaxLabelValueLength) is { } value)
                labels[key] = value;
        }

        if (labels.Count > SourceRules.MaxLabels)
            fields.Fail("labels", $"A source may have at most {SourceRules.MaxLabels} labels; these are {labels.Count}.");
        return labels;
    }

    // Left out it stays, in every mode: another URL does not silently change how webhooks are authenticated, and a secret cannot be read and sent back.
    private static WebhookChange ReadWebhook(JsonFields fields, InputMode mode, Source? current, GitUrl? url)
    {
        var ofHost = url is null ? WebhookMethod.Token : WebhookMethod.DefaultFor(url.ToString());
        var method = current is null ? ofHost : WebhookWriter.MethodOf(current);
        if (fields.IsNull("webhook"))
            return new WebhookChange(ofHost) { NamesUser = true };
        if (fields.Object("webhook") is not { } webhook)
            return new WebhookChange(method);
        if (mode == InputMode.Replace)
        {
            foreach (var name in WebhookInput.ReadOnly)
                webhook.Has(name);
        }

        var change = WebhookInput.Read(webhook, method);
        webhook.RefuseUnknown();
        return change;
    }

    private static CredentialChange ReadCredential(JsonFields fields, InputMode mode, Source? current, GitUrl? url)
    {
        var stored = current?.Credential;
        var change = ReadCredentialChange(fields, mode, stored);
        if (url is null || change is null)
            return change ?? new CredentialChange.Keep();
        if (change is CredentialChange.Keep && stored is not null && url.Authority != stored.Authority)
        {
            fields.Fail("credential", CredentialChange.Required(stored.Authority), CredentialChange.RequiredCode);
            return change;
        }

        var (type, hasCa) = change switch
        {
            CredentialChange.Set set => (set.Type, set.Value.Ca is not null),
            CredentialChange.Keep when stored is not null => (stored.Type, stored.CaDigest is not null),
            _ => (null, false),
        };
        if (CredentialInput.FindProblem(url, type, hasCa) is { } problem)
            fields.Fail("credential", problem, CredentialInput.Unsupported);
        else if (change is CredentialChange.Set { Value: GitCredential.Ssh ssh } && SshCredentialInput.FindProblem(ssh, url) is { } unknownHost)
            fields.Fail("credential.knownHosts", unknownHost);
        return change;
    }

    /// <returns>Null when what was given is no credential; that is noted.</returns>
    private static CredentialChange? ReadCredentialChange(JsonFields fields, InputMode mode, Credential? stored)
    {
        if (!fields.Has("credential"))
            return new CredentialChange.Keep();
        if (fields.IsNull("credential"))
            return new CredentialChange.Remove();
        if (fields.Object("credential") is not { } given)
            return null;
        if (mode == InputMode.Replace && stored is not null && CredentialView.Of(stored).IsSentBack(given))
            return new CredentialChange.Keep();
        return CredentialInput.Read(given) is { } credential ? CredentialChange.Set.Of(credential) : null;
    }

    private static string? ReadFilter(JsonFields fields, string name, string? kept)
    {
        if (!fields.Has(name))
            return kept;
        if (fields.Texts(name, PathFilter.MaxLines, PathFilter.MaxLineLength) is not { Count: > 0 } lines)
            return null;
        if (lines.Any(line => line.AsSpan().ContainsAny('\n', '\r')))
        {
            fields.Fail(name, "It should have one pattern in each item; an item has a line break.");
            return null;
        }

        var patterns = string.Join('\n', lines);
        if (PathFilter.FindProblem(patterns) is { } problem)
            fields.Fail(name, problem);
        return patterns;
    }

    // What is left out of the object itself stays as well, as of every object in a merge.
    private static string? ReadAllowedSigners(JsonFields fields, string? kept)
    {
        if (!fields.Has("verify"))
            return kept;
        if (fields.Object("verify") is not { } verify)
            return null;
        var signers = kept is not null && !verify.Has("allowedSigners") ? kept : verify.RequiredLines("allowedSigners", AllowedSigners.MaxLength);
        verify.RefuseUnknown();
        if (signers is not null && AllowedSigners.FindProblem(signers) is { } problem)
            verify.Fail("allowedSigners", problem);
        return signers;
    }
}
