using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Git.Http;

/// <summary>What a server with protocol v2 said about one repository.</summary>
/// <param name="BaseUrl">Where the repository is served, after a redirect within its host; without a trailing slash.</param>
/// <param name="ObjectIdDigits">The length of its object ids.</param>
/// <param name="SendsObjectFormat">Whether it wants to be told its object format.</param>
/// <param name="Advertisement">The whole answer, to be shown to git without asking again.</param>
internal sealed record Discovery(string BaseUrl, int ObjectIdDigits, bool SendsObjectFormat, byte[] Advertisement)
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

    public Discovery? Find(GitRemote remote) => _kept.GetValueOrDefault(Key(remote));

    public void Keep(GitRemote remote, Discovery discovery)
    {
        if (_kept.Count >= MaxKept)
            _kept.Clear();
        _kept[Key(remote)] = discovery;
    }

    public void Forget(GitRemote remote) => _kept.TryRemove(Key(remote), out _);

    // The credential itself is not kept here: a digest tells two apart as well.
    private static (string Url, string Credential) Key(GitRemote remote) => (remote.Url.ToString(), Digest(remote.Authorization));

    private static string Digest(AuthenticationHeaderValue? authorization) =>
        authorization is null ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(authorization.ToString())));
}
