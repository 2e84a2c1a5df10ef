using System.Buffers;
using System.Text.Json;
using Ampora.Webhooks.Payloads;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks;

/// <summary>
/// Reads what Git hosts send, from front to back and within bounds: at most 1,000 refs, ten URLs, and texts of 2,048 characters. What is
/// missing, or of another type than it should be, counts as absent.
/// </summary>
public static class PayloadReader
{
    /// <summary>The ledger shows events in a column; every known host's names are below 60.</summary>
    internal const int MaxEventLength = 100;

    // Ids are UUIDs with at most a word before; a longer one is none, and part of it could be another's.
    private const int MaxDeliveryIdLength = 200;

    // The order is that of Senders.Recognise, so that the event is the recognised sender's.
    private static readonly string[] EventHeaders =
        ["X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key", "x-amz-sns-message-type"];

    private delegate void Reader(ref PayloadCursor payload, ContentBuilder content);

    /// <summary>Reads a payload.</summary>
    /// <param name="provider">The sender, one of <see cref="Senders"/>. Of one whose payloads are not known, nothing is read, so that any ref may have moved.</param>
    /// <param name="headers">The request's headers, which name the event.</param>
    /// <param name="json">The JSON, from <see cref="WebhookBody.TryGetJson"/>.</param>
    /// <exception cref="PayloadException">It is no JSON object, or nested too deep.</exception>
    public static DeliveryContent Read(string provider, IHeaderDictionary headers, ReadOnlySequence<byte> json)
    {
        ArgumentNullException.ThrowIfNull(provider);
        ArgumentNullException.ThrowIfNull(headers);
        var content = new ContentBuilder(provider, EventName(headers)) { SenderDeliveryId = SenderDeliveryId(headers) };
        Reader? reader = provider switch
        {
            Senders.GitHub or Senders.Gitea or Senders.Forgejo or Senders.Gogs => GitHubPayload.Read,
            Senders.GitLab => GitLabPayload.Read,
            Senders.BitbucketCloud => BitbucketCloudPayload.Read,
            Senders.BitbucketServer => BitbucketServerPayload.Read,
            Senders.AzureDevOps => AzureDevOpsPayload.Read,
            Senders.Gerrit => GerritPayload.Read,
            Senders.StandardWebhooks => AnyPayload.Read,
            _ => null,
        };
        if (reader is null)
            content.Kind = EventKind.Push;
        else
            Read(reader, json, content);
        return content.Build();
    }

    /// <summary>The name that the sender gave to what happened.</summary>
    public static string? EventName(IHeaderDictionary headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        foreach (var header in EventHeaders)
        {
            if (headers.TryGetValue(header, out var values) && values.Count > 0 && OneLine.Of(values[0] ?? "", MaxEventLength) is { Length: > 0 } name)
                return name;
        }

        return null;
    }

    /// <summary>The id that the sender gave to the delivery, which is the same when it is sent again. Azure DevOps has it in the body.</summary>
    public static string? SenderDeliveryId(IHeaderDictionary headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        // Each sender's own alone: proxies add X-Request-Id to everything, and it is another one each time.
        string[] names = Senders.Recognise(headers) switch
        {
            Senders.Forgejo => ["X-Forgejo-Delivery", "X-Gitea-Delivery", "X-GitHub-Delivery"],
            Senders.Gitea => ["X-Gitea-Delivery", "X-GitHub-Delivery"],
            Senders.Gogs => ["X-Gogs-Delivery"],
            Senders.GitHub => ["X-GitHub-Delivery"],
            Senders.GitLab => ["Idempotency-Key", "X-Gitlab-Event-UUID"],
            Senders.BitbucketCloud => ["X-Request-UUID"],
            Senders.BitbucketServer => ["X-Request-Id"],
            _ => ["webhook-id"],
        };
        return names.Select(name => DeliveryId(headers[name].FirstOrDefault())).FirstOrDefault(id => id is not null);
    }

    internal static string? DeliveryId(string? text) =>
        text is { Length: > 0 and <= MaxDeliveryIdLength } && text.All(c => char.IsBetween(c, '!', '~')) ? text : null;

    private static void Read(Reader reader, ReadOnlySequence<byte> json, ContentBuilder content)
    {
        var payload = new PayloadCursor(json);
        try
        {
            if (!payload.EnterRoot())
                throw new PayloadException(PayloadException.MalformedPayload, "The payload is no JSON object.");
            reader(ref payload, content);
            payload.ExpectEnd();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader's own message can hold a part of the payload.
            throw new PayloadException(PayloadException.MalformedPayload, $"The payload is no JSON, or is nested deeper than {PayloadCursor.MaxDepth} levels.", e)
            {
                Broken = payload.IsDeepest ? null : content.Build(),
            };
        }
    }
}
