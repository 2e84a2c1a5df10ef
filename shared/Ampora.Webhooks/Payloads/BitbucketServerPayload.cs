using Ampora.Webhooks.Addresses;

namespace Ampora.Webhooks.Payloads;

/// <summary>
/// Bitbucket Server and Data Center: every ref of a push in full. Clone links come in any order, or not at all: then project and slug name the
/// repository, and its host is known only when another link names it.
/// </summary>
internal static class BitbucketServerPayload
{
    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        var (isTest, isPartial, hasChanges, eventKey) = (false, false, false, (string?)null);
        while (payload.NextProperty())
        {
            if (payload.Is("eventKey"u8))
                eventKey = payload.ReadString();
            else if (payload.Is("test"u8))
                isTest = payload.ReadBoolean();
            else if (payload.Is("changes"u8))
                hasChanges = ReadChanges(ref payload, content);
            else if (payload.Is("refLimitExceeded"u8))
                isPartial = payload.ReadBoolean();
            else if (payload.Is("repository"u8))
                ReadRepository(ref payload, content);
            else
                payload.Skip();
        }

        if (isPartial)
            content.Truncate();
        content.Event ??= eventKey;
        content.Kind = content.Event switch
        {
            // A mirror has taken over what was pushed, and clones may come from it.
            "repo:refs_changed" or "mirror:repo_synchronized" => EventKind.Push,
            "diagnostics:ping" => EventKind.Ping,
            null when hasChanges => EventKind.Push,
            null when isTest => EventKind.Ping,
            _ => EventKind.Other,
        };
    }

    private static bool ReadChanges(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRefs();
        if (!payload.EnterArray())
            return false;
        while (payload.NextElement(out var isObject))
        {
            string? name = null, after = null, type = null;
            Reference? reference = null;
            while (isObject && payload.NextProperty())
            {
                if (payload.Is("refId"u8))
                    name = payload.ReadString();
                else if (payload.Is("toHash"u8))
                    after = payload.ReadString();
                else if (payload.Is("type"u8))
                    type = payload.ReadString();
                else if (payload.Is("ref"u8))
                    reference = ReadReference(ref payload);
                else
                    payload.Skip();
            }

            content.Add(RefNames.Change(name ?? reference?.Name, reference?.Type == "TAG" ? RefKind.Tag : RefKind.Branch, after, type == "DELETE"));
        }

        return true;
    }

    private static Reference? ReadReference(ref PayloadCursor payload)
    {
        string? id = null, shown = null, type = null;
        if (!payload.EnterObject())
            return null;
        while (payload.NextProperty())
        {
            if (payload.Is("id"u8))
                id = payload.ReadString();
            else if (payload.Is("displayId"u8))
                shown = payload.ReadString();
            else if (payload.Is("type"u8))
                type = payload.ReadString();
            else
                payload.Skip();
        }

        return new Reference(id ?? shown, type);
    }

    private static void ReadRepository(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRepository();
        string? slug = null;
        Project? project = null;
        List<string> links = [];
        if (!payload.EnterObject())
            return;
        while (payload.NextProperty())
        {
            if (payload.Is("slug"u8))
                slug = payload.ReadString();
            else if (payload.Is("project"u8))
                project = ReadProject(ref payload);
            else if (payload.Is("links"u8))
                links = ReadLinks(ref payload);
            else
                payload.Skip();
        }

        links.ForEach(content.AddUrl);
        if (slug is null || project?.Key is not { } key)
            return;
        content.RepositoryName = $"{key}/{slug}";
        // The project's page is on the same host, under the same context.
        if (!links.Exists(link => RepositoryAddress.BitbucketServerKeyOf(link) is not null) && project.Site is { } site)
            content.AddUrl($"{site}/scm/{Uri.EscapeDataString(key)}/{Uri.EscapeDataString(slug)}.git");
    }

    private static Project? ReadProject(ref PayloadCursor payload)
    {
        string? key = null;
        List<string> links = [];
        if (!payload.EnterObject())
            return null;
        while (payload.NextProperty())
        {
            if (payload.Is("key"u8))
                key = payload.ReadString();
            else if (payload.Is("links"u8))
                links = ReadLinks(ref payload);
            else
                payload.Skip();
        }

        return new Project(key, links.Select(BitbucketServerAddress.FindSite).FirstOrDefault(site => site is not null));
    }

    /// <summary>The addresses under <c>clone</c> and <c>self</c>, whatever else is there.</summary>
    private static List<string> ReadLinks(ref PayloadCursor payload)
    {
        List<string> links = [];
        if (!payload.EnterObject())
            return links;
        while (payload.NextProperty())
        {
            if (!payload.Is("clone"u8) && !payload.Is("self"u8))
            {
                payload.Skip();
                continue;
            }

            if (!payload.EnterArray())
                continue;
            while (payload.NextElement(out var isObject))
            {
                while (isObject && payload.NextProperty())
                {
                    if (!payload.Is("href"u8))
                        payload.Skip();
                    else if (payload.ReadString() is { } link && links.Count < ContentBuilder.MaxUrls)
                        links.Add(link);
                }
            }
        }

        return links;
    }

    private sealed record Reference(string? Name, string? Type);

    private sealed record Project(string? Key, string? Site);
}
