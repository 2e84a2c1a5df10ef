namespace Ampora.Webhooks.Payloads;

/// <summary>
/// Who signs as Standard Webhooks do may send anything. What is written as GitHub writes it is read so; where it is not, the delivery says nothing
/// and may concern any ref.
/// </summary>
internal static class AnyPayload
{
    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        string? name = null, after = null;
        while (payload.NextProperty())
        {
            if (payload.Is("ref"u8))
                name = payload.ReadString();
            else if (payload.Is("after"u8))
                after = payload.ReadString();
            else if (payload.Is("repository"u8))
                GitHubPayload.ReadRepository(ref payload, content);
            else
                payload.Skip();
        }

        content.Kind = EventKind.Push;
        if (name?.StartsWith("refs/", StringComparison.Ordinal) == true)
            content.Add(RefNames.Change(name, RefKind.Other, after));
    }
}
