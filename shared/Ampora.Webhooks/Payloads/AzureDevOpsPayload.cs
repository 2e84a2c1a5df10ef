using Ampora.Webhooks.Addresses;

namespace Ampora.Webhooks.Payloads;

/// <summary>
/// Azure DevOps: the event and the delivery's id are in the body, and every ref of a push in full. With "minimal" details it leaves out the clone
/// URL; then organisation, project and name make it.
/// </summary>
internal static class AzureDevOpsPayload
{
    public static void Read(ref PayloadCursor payload, ContentBuilder content)
    {
        string? eventType = null, id = null;
        while (payload.NextProperty())
        {
            if (payload.Is("eventType"u8))
                eventType = payload.ReadString();
            else if (payload.Is("id"u8))
                id = payload.ReadString();
            else if (payload.Is("resource"u8))
                ReadResource(ref payload, content);
            else
                payload.Skip();
        }

        content.Event = eventType ?? content.Event;
        content.SenderDeliveryId = PayloadReader.DeliveryId(id) ?? content.SenderDeliveryId;
        content.Kind = eventType == "git.push" ? EventKind.Push : EventKind.Other;
    }

    private static void ReadResource(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRefs();
        content.ForgetRepository();
        Repository? repository = null;
        string? api = null;
        if (!payload.EnterObject())
            return;
        while (payload.NextProperty())
        {
            if (payload.Is("refUpdates"u8))
                ReadUpdates(ref payload, content);
            else if (payload.Is("repository"u8))
                repository = ReadRepository(ref payload, content);
            else if (payload.Is("url"u8))
                api = payload.ReadString();
            else
                payload.Skip();
        }

        if (repository is not { Name: { } name })
            return;
        content.RepositoryName = repository.Project is { } project ? $"{project}/{name}" : name;
        // The API's addresses begin with the organisation, whichever of them came.
        if (!repository.HasUrl && repository.Project is not null
            && (AzureDevOpsAddress.OrganisationOfApi(repository.Api) ?? AzureDevOpsAddress.OrganisationOfApi(api)) is { } organisation)
            content.AddUrl($"https://{AzureDevOpsAddress.Host}/{organisation}/{Uri.EscapeDataString(repository.Project)}/_git/{Uri.EscapeDataString(name)}");
    }

    private static void ReadUpdates(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRefs();
        if (!payload.EnterArray())
            return;
        while (payload.NextElement(out var isObject))
        {
            string? name = null, after = null;
            while (isObject && payload.NextProperty())
            {
                if (payload.Is("name"u8))
                    name = payload.ReadString();
                else if (payload.Is("newObjectId"u8))
                    after = payload.ReadString();
                else
                    payload.Skip();
            }

            content.Add(RefNames.Change(name, RefKind.Branch, after));
        }
    }

    private static Repository? ReadRepository(ref PayloadCursor payload, ContentBuilder content)
    {
        content.ForgetRepository();
        string? name = null, project = null, api = null;
        var hasUrl = false;
        if (!payload.EnterObject())
            return null;
        while (payload.NextProperty())
        {
            if (payload.Is("remoteUrl"u8) || payload.Is("webUrl"u8) || payload.Is("sshUrl"u8))
            {
                var url = payload.ReadString();
                content.AddUrl(url);
                hasUrl |= url is not null;
            }
            else if (payload.Is("name"u8))
            {
                name = payload.ReadString();
            }
            else if (payload.Is("project"u8))
            {
                project = payload.ReadStringOf("name"u8);
            }
            else if (payload.Is("url"u8))
            {
                api = payload.ReadString();
            }
            else if (payload.Is("defaultBranch"u8))
            {
                content.DefaultBranch = payload.ReadString();
            }
            else
            {
                payload.Skip();
            }
        }

        return new Repository(name, project, api, hasUrl);
    }

    private sealed record Repository(string? Name, string? Project, string? Api, bool HasUrl);
}
