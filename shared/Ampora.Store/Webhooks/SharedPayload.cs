using System.Globalization;
using System.Text;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>
/// What a body at the shared endpoint names. It is read before anybody is authenticated, since only it says whose secret counts; so it is read within bounds, and
/// decides nothing but which secrets are tried.
/// </summary>
/// <param name="Content">What it says; null when it cannot be used.</param>
/// <param name="Repository">The repository that it names.</param>
/// <param name="Reason">Why nobody could verify it; null when somebody may.</param>
/// <param name="Problem">
/// Why it cannot be read; null when it can. With content, it broke in its midst: maybe on the way, which is for the secret to tell.
/// </param>
public sealed record SharedPayload(DeliveryContent? Content, DeliveryRepository Repository, string? Reason = null, string? Problem = null)
{
    // Shown in the ledger next to others.
    private const int MaxShownLength = 200;

    /// <summary>The repository for the ledger: its key, or what the payload calls it.</summary>
    public string? RepositoryText => Shown(Repository.Text ?? Content?.RepositoryName);

    /// <summary>Reads a body.</summary>
    /// <param name="head">The webhook's head.</param>
    /// <param name="body">The body.</param>
    public static SharedPayload Of(WebhookHead head, WebhookBody body)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(body);
        if (!body.TryGetJson(out var json))
        {
            if (body.Raw.IsEmpty)
                return Unreadable("The body is empty.");
            return Broken(
                "A form needs the field payload, once.",
                Senders.Recognise(head.Headers) is { } host ? new DeliveryContent { Provider = host, Kind = EventKind.Other } : null);
        }

        if ((Senders.Recognise(head.Headers) ?? Senders.RecogniseBody(json)) is not { } sender)
            return Refused(RefusalReasons.ProviderUnknown);
        if (sender is Senders.AwsSns or Senders.Gerrit)
            return Refused(RefusalReasons.ProviderNotSupported);
        try
        {
            var content = PayloadReader.Read(sender, head.Headers, json);
            return new SharedPayload(content, DeliveryRepository.Of(content));
        }
        catch (PayloadException e)
        {
            return Broken(e.Message, e.Broken);
        }
    }

    private static SharedPayload Unreadable(string problem) => new(null, DeliveryRepository.None, Problem: problem);

    private static SharedPayload Broken(string problem, DeliveryContent? content) =>
        content is null ? Unreadable(problem) : new(content, DeliveryRepository.Of(content), Problem: problem);

    private static SharedPayload Refused(string reason) => new(null, DeliveryRepository.None, Reason: reason);

    // A sender that nobody has authenticated writes this: one line, no control characters.
    private static string? Shown(string? text)
    {
        if (text is null)
            return null;
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes().TakeWhile(_ => shown.Length < MaxShownLength))
        {
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned))
                shown.Append(rune.ToString());
        }

        return shown.ToString();
    }
}
