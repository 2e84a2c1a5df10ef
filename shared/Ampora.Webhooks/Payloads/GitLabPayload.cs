namespace Ampora.Webhooks.Payloads;

/// <summary>
/// GitLab, from a project, a group or the whole system, whose hooks say <c>event_name</c> alone. Of a tag, <c>after</c> is the tag's own object when it is
/// annotated, and <c>checkout_sha</c> the commit.
/// </summary>
internal static class GitLabPayload
{
    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        string? kind = null, name = null, reference = null, after = null, commit = null;
        List<RefChange?>? changes = null;
        var hasProject = false;
        while (payload.NextProperty())
        {
            if (payload.Is("object_kind"u8))
                kind = payload.ReadString();
            else if (payload.Is("event_name"u8))
                name = payload.ReadString();
            else if (payload.Is("ref"u8))
                reference = payload.ReadString();
            else if (payload.Is("after"u8))
                after = payload.ReadString();
            else if (payload.Is("checkout_sha"u8))
                commit = payload.ReadString();
            else if (payload.Is("changes"u8))
                changes = ReadChanges(ref payload);
            else if (payload.Is("project"u8))
                hasProject = ReadRepository(ref payload, content);
            else if (payload.Is("repository"u8) && !hasProject)
                ReadRepository(ref payload, content);
            else
                payload.Skip();
        }

        kind ??= name ?? content.Event switch { "Push Hook" => "push", "Tag Push Hook" => "tag_push", _ => null };
        // The header of a system hook is the same for every event.
        content.Event = content.Event is null or "System Hook" ? kind ?? content.Event : content.Event;
        content.Kind = kind is "push" or "tag_push" or "repository_update" ? EventKind.Push : EventKind.Other;
        if (content.Kind != EventKind.Push)
            return;
        if (kind != "repository_update" && reference is not null)
            content.Add(RefNames.Change(reference, kind == "tag_push" ? RefKind.Tag : RefKind.Branch, after, commit: commit));
        else if (kind == "repository_update")
            changes?.ForEach(content.Add);
    }

    private static bool ReadRepository(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRepository();
        if (!payload.EnterObject())
            return false;
        while (payload.NextProperty())
        {
            if (payload.Is("git_http_url"u8) || payload.Is("git_ssh_url"u8) || payload.Is("web_url"u8) || payload.Is("homepage"u8))
                content.AddUrl(payload.ReadString());
            else if (payload.Is("path_with_namespace"u8))
                content.RepositoryName = payload.ReadString();
            else if (payload.Is("default_branch"u8))
                content.DefaultBranch = payload.ReadString();
            else
                payload.Skip();
        }

        return true;
    }

    // Of a system hook's repository_update, which has every ref of a push.
    private static List<RefChange?>? ReadChanges(ref PayloadCursor payload)
    {
        if (!payload.EnterArray())
            return null;
        List<RefChange?> changes = [];
        while (payload.NextElement(out var isObject))
        {
            string? name = null, after = null;
            while (isObject && payload.NextProperty())
            {
                if (payload.Is("ref"u8))
                    name = payload.ReadString();
                else if (payload.Is("after"u8))
                    after = payload.ReadString();
                else
                    payload.Skip();
            }

            if (changes.Count <= ContentBuilder.MaxRefs)
                changes.Add(RefNames.Change(name, RefKind.Branch, after));
        }

        return changes;
    }
}
