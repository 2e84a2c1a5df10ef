using System.Text;

namespace Ampora.Standalone;

/// <summary>Reads files that the command line names, so that no secret stands in it.</summary>
internal static class SecretFile
{
    // An access token has some hundred characters, a private key some thousand; a larger file is a mistake.
    private const int MaxBytes = 64 * 1024;

    /// <summary>Reads the one line of a file; null when it cannot be read, which is told.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="file">The file.</param>
    /// <param name="what">What it should hold.</param>
    /// <param name="addError">Takes what is wrong.</param>
    public static string? ReadLine(string option, FileInfo file, string what, Action<string> addError)
    {
        // Editors and `echo` end a file with a newline that is not part of the secret.
        var text = Read(option, file, MaxBytes, addError)?.TrimEnd('\n', '\r');
        if (text is "")
            addError($"{option}: {file.FullName} should hold {what}.");
        return text;
    }

    /// <summary>Reads a file; null when it cannot be read, which is told.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="file">The file.</param>
    /// <param name="maxBytes">The largest that it may be.</param>
    /// <param name="addError">Takes what is wrong.</param>
    public static string? Read(string option, FileInfo file, int maxBytes, Action<string> addError)
    {
        try
        {
            using var stream = file.OpenRead();
            using var content = new MemoryStream();
            var piece = new byte[16 * 1024];
            while (stream.Read(piece) is > 0 and var read)
            {
                if (content.Length + read > maxBytes)
                {
                    addError($"{option}: {file.FullName} has more than {maxBytes / 1024} KiB.");
                    return null;
                }

                content.Write(piece, 0, read);
            }

            return Encoding.UTF8.GetString(content.GetBuffer(), 0, (int)content.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            addError($"{option}: {file.FullName} cannot be read: {e.Message}");
            return null;
        }
    }

    /// <summary>Reads a file of the size of a secret.</summary>
    public static string? Read(string option, FileInfo file, Action<string> addError) => Read(option, file, MaxBytes, addError);
}
