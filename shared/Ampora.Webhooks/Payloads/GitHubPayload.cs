namespace Ampora.Webhooks.Payloads;

/// <summary>
/// GitHub, Gitea, Forgejo and Gogs: one ref, in full for a push; for <c>create</c> and <c>delete</c> short (from some Gitea and Gogs in full) and with
/// its type. Only GitHub says <c>deleted</c>; everyone's zeros say it too.
/// </summary>
internal static class GitHubPayload
{
    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        string? name = null, type = null, after = null, created = null, commit = null, defaultBranch = null;
        var deleted = false;
        while (payload.NextProperty())
        {
            if (payload.Is("ref"u8))
                name = payload.ReadString();
            else if (payload.Is("ref_type"u8))
                type = payload.ReadString();
            else if (payload.Is("after"u8))
                after = payload.ReadString();
            else if (payload.Is("sha"u8))
                created = payload.ReadString();
            else if (payload.Is("deleted"u8))
                deleted = payload.ReadBoolean();
            else if (payload.Is("head_commit"u8))
                commit = payload.ReadStringOf("id"u8);
            else if (payload.Is("master_branch"u8) || payload.Is("default_branch"u8))
                defaultBranch = payload.ReadString();
            else if (payload.Is("repository"u8))
                ReadRepository(ref payload, content);
            else
                payload.Skip();
        }

        content.DefaultBranch ??= defaultBranch;
        content.Kind = content.Event switch
        {
            "ping" => EventKind.Ping,
            "push" or "create" or "delete" => EventKind.Push,
            // Without the event's name, what moves a ref is told by what it says of it.
            null when after is not null => EventKind.Push,
            _ => EventKind.Other,
        };
        if (content.Kind == EventKind.Push && name is not null)
        {
            content.Add(RefNames.Change(
                name, type == "tag" ? RefKind.Tag : RefKind.Branch, after ?? created, deleted || content.Event == "delete", commit));
        }
    }

    // Not repository.url, which is GitHub's API in most events, nor original_url, which is what Gitea mirrors from.
    internal static void ReadRepository(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRepository();
        if (!payload.EnterObject())
            return;
        while (payload.NextProperty())
        {
            if (payload.Is("clone_url"u8) || payload.Is("ssh_url"u8) || payload.Is("html_url"u8))
                content.AddUrl(payload.ReadString());
            else if (payload.Is("full_name"u8))
                content.RepositoryName = payload.ReadString();
            else if (payload.Is("default_branch"u8))
                content.DefaultBranch = payload.ReadString();
            else
                payload.Skip();
        }
    }
}
