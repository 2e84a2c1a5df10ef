namespace Ampora.Webhooks.Payloads;

/// <summary>Bitbucket Cloud: every ref of a push, each with what it was and what it is; the one that is null says created or deleted. It has no clone URL.</summary>
internal static class BitbucketCloudPayload
{
    private const string Host = "https://bitbucket.org/";

    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        var hasPush = false;
        while (payload.NextProperty())
        {
            if (payload.Is("push"u8))
                hasPush = ReadPush(ref payload, content);
            else if (payload.Is("repository"u8))
                ReadRepository(ref payload, content);
            else
                payload.Skip();
        }

        content.Kind = content.Event switch
        {
            "repo:push" => EventKind.Push,
            "diagnostics:ping" => EventKind.Ping,
            null when hasPush => EventKind.Push,
            _ => EventKind.Other,
        };
        if (content.RepositoryName is { } name)
            content.AddUrl(Host + name);
    }

    private static bool ReadPush(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRefs();
        if (!payload.EnterObject())
            return false;
        while (payload.NextProperty())
        {
            if (payload.Is("changes"u8))
                ReadChanges(ref payload, content);
            else
                payload.Skip();
        }

        return true;
    }

    private static void ReadChanges(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRefs();
        if (!payload.EnterArray())
            return;
        while (payload.NextElement(out var isObject))
        {
            RefChange? before = null, now = null;
            while (isObject && payload.NextProperty())
            {
                if (payload.Is("new"u8))
                    now = ReadRef(ref payload, deleted: false);
                else if (payload.Is("old"u8))
                    before = ReadRef(ref payload, deleted: true);
                else
                    payload.Skip();
            }

            content.Add(now ?? before);
        }
    }

    private static RefChange? ReadRef(ref PayloadCursor payload, bool deleted)
    {
        string? type = null, name = null, hash = null;
        if (!payload.EnterObject())
            return null;
        while (payload.NextProperty())
        {
            if (payload.Is("type"u8))
                type = payload.ReadString();
            else if (payload.Is("name"u8))
                name = payload.ReadString();
            else if (payload.Is("target"u8))
                hash = payload.ReadStringOf("hash"u8);
            else
                payload.Skip();
        }

        // A target is always the commit, also of an annotated tag.
        return RefNames.Change(name, type is "tag" or "annotated_tag" ? RefKind.Tag : RefKind.Branch, hash, deleted, hash);
    }

    private static void ReadRepository(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRepository();
        if (!payload.EnterObject())
            return;
        while (payload.NextProperty())
        {
            if (payload.Is("full_name"u8))
                content.RepositoryName = payload.ReadString();
            else if (payload.Is("links"u8))
                ReadLinks(ref payload, content);
            else if (payload.Is("mainbranch"u8))
                content.DefaultBranch = payload.ReadStringOf("name"u8);
            else
                payload.Skip();
        }
    }

    private static void ReadLinks(ref PayloadCursor payload, ContentBuilder content)
    {
        if (!payload.EnterObject())
            return;
        while (payload.NextProperty())
        {
            if (payload.Is("html"u8))
                content.AddUrl(payload.ReadStringOf("href"u8));
            else
                payload.Skip();
        }
    }
}
