using System.Security.Cryptography;
using System.Text;

namespace Ampora.Standalone;

/// <summary>
/// Remembers which credential the command line last gave for a source, since the API never shows one: the same command again is no change, and has nothing
/// fetched anew. Only a keyed hash is kept, which tells nothing without the master key.
/// </summary>
internal sealed class AppliedCredential
{
    private readonly string _path;
    private readonly string _fingerprint;

    /// <summary>The credential of the options, for a source.</summary>
    public AppliedCredential(DataFolder folder, string masterKey, string sourceId, StandaloneOptions options)
    {
        _path = Path.Combine(folder.Path, $"{sourceId}.credential");
        var given = options.Ssh is { } ssh ? $"{ssh.PrivateKey}\n{ssh.Passphrase}\n{ssh.KnownHosts}" : $"{options.Username}\n{options.Password}";
        _fingerprint = Convert.ToHexStringLower(HMACSHA256.HashData(
            Encoding.UTF8.GetBytes(masterKey), Encoding.UTF8.GetBytes($"{options.Source!.Uri.GetLeftPart(UriPartial.Authority)}\n{given}")));
    }

    /// <summary>Whether it was applied by an earlier start.</summary>
    public bool IsSame => File.Exists(_path) && File.ReadAllText(_path).Trim() == _fingerprint;

    /// <summary>Notes that it is applied.</summary>
    public void Note() => File.WriteAllText(_path, _fingerprint + "\n");
}
