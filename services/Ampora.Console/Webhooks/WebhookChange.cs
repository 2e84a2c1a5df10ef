using Ampora.Store.Model;
using Ampora.Webhooks;

namespace Ampora.Console.Webhooks;

/// <summary>What a request wants of a source's webhook, valid for the method that it will have.</summary>
/// <param name="Method">The method that it will have.</param>
internal sealed record WebhookChange(WebhookMethod Method)
{
    /// <summary>The new secret; null: none is given.</summary>
    public string? Secret { get; init; }

    /// <summary>Whether the request says anything of the user name.</summary>
    public bool NamesUser { get; init; }

    /// <summary>The user name that Basic authentication must bring; null: any.</summary>
    public string? Username { get; init; }

    /// <summary>How long the secret that is replaced is accepted too; null: nothing was said.</summary>
    public int? OverlapSeconds { get; init; }

    /// <summary>Whether it changes anything of what is stored.</summary>
    public bool Changes(Source source) =>
        Secret is not null
        || Method.Name != source.WebhookAuth
        || (NamesUser && Username != source.WebhookSecret?.Username)
        || (OverlapSeconds is not null && source.WebhookSecret?.PreviousValidUntil is not null);

    /// <summary>Never the secret.</summary>
    public override string ToString() => Method.Name;
}
