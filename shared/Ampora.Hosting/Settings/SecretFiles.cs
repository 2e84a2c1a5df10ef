using System.Collections;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace Ampora.Hosting.Settings;

/// <summary>
/// Reads settings from files: the environment variable <c>NAME_FILE</c> gives the path of a file that holds the value of <c>NAME</c>,
/// so that a secret need not be in the environment.
/// </summary>
internal static class SecretFiles
{
    private const string Suffix = "_FILE";

    // A connection string, a key, a certificate: a larger file is a mistake, and would be read into memory.
    private const int MaxBytes = 64 * 1024;

    // Other programs' variables end in _FILE too (SSL_CERT_FILE); their files are none of Ampora's business.
    private static readonly string[] Prefixes = ["AMPORA_", "Ampora__", "ConnectionStrings__"];

    /// <summary>Adds what the files say; a file that cannot be read is a problem.</summary>
    public static void AddTo(IConfigurationBuilder configuration, IDictionary environment, SettingsProblems problems)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in environment.Keys.Cast<string>().Order(StringComparer.Ordinal))
        {
            if (!name.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase) || !Prefixes.Any(p => name.StartsWith(p, StringComparison.OrdinalIgnoreCase)))
                continue;
            var path = (string?)environment[name];
            if (string.IsNullOrEmpty(path))
                continue;
            var setting = name[..^Suffix.Length];
            if (!string.IsNullOrEmpty((string?)environment[setting]))
                problems.Note($"{setting} and {name} are both set: keep one of them.");
            else if (Read(name, path, problems) is { } value)
                values[setting.Replace("__", ":", StringComparison.Ordinal)] = value;
        }
        if (values.Count > 0)
            configuration.AddInMemoryCollection(values);
    }

    private static string? Read(string name, string path, SettingsProblems problems)
    {
        try
        {
            using var file = File.OpenRead(path);
            var bytes = new byte[MaxBytes + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxBytes)
            {
                problems.Note($"{name}: the file {path} is larger than {MaxBytes / 1024} KiB; it should hold the value alone.");
                return null;
            }
            // Editors and `echo` end a file with a newline that is not part of the value.
            return Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\n', '\r');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problems.Note($"{name}: the file {path} cannot be read ({Reason(e)}); give the path of a file that this process may read.");
            return null;
        }
    }

    private static string Reason(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "it does not exist",
        UnauthorizedAccessException => "permission denied, or it is a folder",
        _ => "it is no readable file",
    };
}
