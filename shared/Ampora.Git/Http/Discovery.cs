using System.Collections.Concurrent;
using Ampora.Git.Protocol;

namespace Ampora.Git.Http;

/// <summary>What a server with protocol v2 said about one repository.</summary>
/// <param name="BaseUrl">Where the repository is served, after a redirect within its host; without a trailing slash.</param>
/// <param name="MovedTo">The same, when the host said that it is there for good; null when it did not.</param>
/// <param name="Capabilities">What it can.</param>
internal sealed record Discovery(string BaseUrl, string? MovedTo, Capabilities Capabilities)
{
    /// <summary>What discovery appends to the repository's URL.</summary>
    public const string Suffix = "/info/refs";

    public const string Query = "?service=git-upload-pack";

    public const string AdvertisementType = "application/x-git-upload-pack-advertisement";

    public const string RequestType = "application/x-git-upload-pack-request";

    public const string ResultType = "application/x-git-upload-pack-result";

    public const string UploadPack = "/git-upload-pack";

    /// <summary>Where objects and refs are asked for.</summary>
    public Uri UploadPackUri { get; } = GitUrl.AsUri(BaseUrl + UploadPack);
}

/// <summary>
/// What servers with protocol v2 said about their repositories, for each (remote, credential), kept until the server stops behaving
/// so. Servers without v2 are not remembered: they are discovered with every reading, for their refs come with it.
/// </summary>
internal sealed class Discoveries
{
    // A few hundred bytes each. Sources are fewer; beyond, asking once more is cheap.
    private const int MaxKept = 20_000;

    private readonly ConcurrentDictionary<(string Url, string Credential), Discovery> _kept = new();

    public Discovery? Find(GitRemote remote) => _kept.GetValueOrDefault(remote.Key);

    public void Keep(GitRemote remote, Discovery discovery)
    {
        if (_kept.Count >= MaxKept)
            _kept.Clear();
        _kept[remote.Key] = discovery;
    }

    public void Forget(GitRemote remote) => _kept.TryRemove(remote.Key, out _);
}
