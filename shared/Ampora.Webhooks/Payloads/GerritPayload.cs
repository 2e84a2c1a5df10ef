namespace Ampora.Webhooks.Payloads;

/// <summary>Gerrit's webhooks plugin: one ref, and the project's name alone. Changes under review and Gerrit's own settings are refs too, which nobody follows.</summary>
internal static class GerritPayload
{
    private static readonly string[] Own = ["refs/changes/", "refs/meta/"];

    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        string? type = null, name = null, after = null;
        while (payload.NextProperty())
        {
            if (payload.Is("type"u8))
            {
                type = payload.ReadString();
            }
            else if (payload.Is("refUpdate"u8))
            {
                (name, after, content.RepositoryName) = (null, null, null);
                if (!payload.EnterObject())
                    continue;
                while (payload.NextProperty())
                {
                    if (payload.Is("refName"u8))
                        name = payload.ReadString();
                    else if (payload.Is("newRev"u8))
                        after = payload.ReadString();
                    else if (payload.Is("project"u8))
                        content.RepositoryName = payload.ReadString();
                    else
                        payload.Skip();
                }
            }
            else
            {
                payload.Skip();
            }
        }

        content.Event = type ?? content.Event;
        content.Kind = type == "ref-updated" && !Own.Any(folder => name?.StartsWith(folder, StringComparison.Ordinal) == true) ? EventKind.Push : EventKind.Other;
        if (content.Kind == EventKind.Push && name is not null)
            content.Add(RefNames.Change(name, RefKind.Branch, after));
    }
}
