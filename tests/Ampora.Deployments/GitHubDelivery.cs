using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Ampora.Deployments;

/// <summary>Makes what GitHub sends: a payload signed over its raw bytes.</summary>
public static class GitHubDelivery
{
    /// <summary>A push of one commit, with the fields of a real one that name repository, ref and commit.</summary>
    public static string PushOf(string repositoryUrl, string after, string @ref = "refs/heads/main", string defaultBranch = "main") => new JsonObject
    {
        ["ref"] = @ref,
        ["before"] = new string('1', after.Length),
        ["after"] = after,
        ["created"] = false,
        ["deleted"] = false,
        ["forced"] = false,
        ["commits"] = new JsonArray(new JsonObject { ["id"] = after, ["message"] = "Change something" }),
        ["repository"] = new JsonObject
        {
            ["full_name"] = new Uri(repositoryUrl).AbsolutePath.Trim('/').Replace(".git", "", StringComparison.Ordinal),
            ["clone_url"] = repositoryUrl,
            ["html_url"] = repositoryUrl.Replace(".git", "", StringComparison.Ordinal),
            ["default_branch"] = defaultBranch,
        },
        ["pusher"] = new JsonObject { ["name"] = "ada" },
    }.ToJsonString();

    /// <summary>A real push payload from the folder of samples beside the repository, told to be of this ref and commit; skips the test where there is none.</summary>
    public static string RealPushOf(string after, string @ref = "refs/heads/main")
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Ampora.sln")))
            root = root.Parent;
        var path = Path.Combine(root!.FullName, "..", "shared", "payloads", "github", "goplayground-push.json");
        if (!File.Exists(path))
            Assert.Skip($"there is no real payload at {Path.GetFullPath(path)}");
        var payload = JsonNode.Parse(File.ReadAllText(path))!;
        payload["ref"] = @ref;
        payload["after"] = after;
        payload["deleted"] = false;
        return payload.ToJsonString();
    }

    public static HttpRequestMessage Sign(string path, string secret, string body, string @event = "push", string? deliveryId = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("X-GitHub-Event", @event);
        request.Headers.Add("X-GitHub-Delivery", deliveryId ?? Guid.NewGuid().ToString());
        request.Headers.Add("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), bytes)));
        return request;
    }
}
