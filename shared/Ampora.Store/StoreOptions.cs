using Ampora.Database;
using Ampora.Store.Secrets;
using Microsoft.Extensions.Options;

namespace Ampora.Store;

/// <summary>The store's settings, as they were given.</summary>
internal sealed class StoreOptions
{
    /// <summary><c>ConnectionStrings__Store</c>.</summary>
    public string? ConnectionString { get; set; }

    /// <summary><c>AMPORA_MASTER_KEY</c>.</summary>
    public string? MasterKey { get; set; }

    /// <summary><c>AMPORA_MASTER_KEY_PREVIOUS</c>.</summary>
    public string? PreviousMasterKey { get; set; }

    /// <summary>Whether the service cannot work without the master key.</summary>
    public bool NeedsMasterKey { get; set; }

    public string? ReadAddress(out DatabaseAddress? address) => DatabaseAddress.TryParse("ConnectionStrings__Store", ConnectionString, out address);

    /// <returns>Null, or what is wrong with the key; never the key.</returns>
    public static string? ReadKey(string setting, string? value, out byte[]? key)
    {
        key = null;
        if (string.IsNullOrWhiteSpace(value))
            return null;
        var bytes = new byte[SecretCipher.KeyBytes];
        if (!Convert.TryFromBase64String(value.Trim(), bytes, out var length) || length != SecretCipher.KeyBytes)
            return $"{setting} is no key: it should be the base64 of {SecretCipher.KeyBytes} random bytes, as 'openssl rand -base64 {SecretCipher.KeyBytes}' makes it.";
        key = bytes;
        return null;
    }

    /// <summary>Finds everything that is wrong at once, when the service starts.</summary>
    internal sealed class Validation : IValidateOptions<StoreOptions>
    {
        public ValidateOptionsResult Validate(string? name, StoreOptions options)
        {
            string?[] problems =
            [
                options.ReadAddress(out _),
                options.NeedsMasterKey && string.IsNullOrWhiteSpace(options.MasterKey)
                    ? $"AMPORA_MASTER_KEY is missing: set it to the base64 of {SecretCipher.KeyBytes} random bytes ('openssl rand -base64 {SecretCipher.KeyBytes}'), the same for every service."
                    : ReadKey("AMPORA_MASTER_KEY", options.MasterKey, out _),
                ReadKey("AMPORA_MASTER_KEY_PREVIOUS", options.PreviousMasterKey, out _),
            ];
            string[] found = [.. problems.OfType<string>()];
            return found.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(found);
        }
    }
}
