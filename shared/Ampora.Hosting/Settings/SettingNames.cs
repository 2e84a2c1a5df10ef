using System.Text.RegularExpressions;

namespace Ampora.Hosting.Settings;

/// <summary>Names of settings as an operator writes them.</summary>
internal static partial class SettingNames
{
    /// <summary>The environment variable of a configuration key.</summary>
    public static string EnvironmentVariable(string key) => key.Replace(":", "__", StringComparison.Ordinal);

    /// <summary>Which setting the configuration binder could not read, without its value.</summary>
    public static string OfBinderError(string section, InvalidOperationException error)
    {
        var message = BinderMessage().Match(error.Message);
        return message.Success
            ? $"{EnvironmentVariable(message.Groups["key"].Value)} cannot be read as {Described(message.Groups["type"].Value)}."
            : $"Ampora__{EnvironmentVariable(section)}__… has a value that cannot be read.";
    }

    private static string Described(string type) => type switch
    {
        "System.Int32" or "System.Int64" => "a whole number",
        "System.Double" => "a number",
        "System.Boolean" => "true or false",
        "System.TimeSpan" => "a time span such as 00:00:30",
        "System.Uri" => "an address",
        _ => type[(type.LastIndexOf('.') + 1)..],
    };

    // "Failed to convert configuration value 'x' at 'Ampora:Management:Port' to type 'System.Int32'."
    [GeneratedRegex("at '(?<key>[^']+)' to type '(?<type>[^']+)'")]
    private static partial Regex BinderMessage();
}
