namespace Ampora.Store.Secrets;

/// <summary>
/// Encrypts what must be recovered: AES-256-GCM (NIST SP 800-38D), with a key per purpose derived from the master key (HKDF, RFC 5869),
/// and key id, table, row and field as associated data, so that a value moved to another place does not decrypt.
/// </summary>
public sealed class SecretCipher
{
    /// <summary>Makes a cipher.</summary>
    /// <param name="current">The master key, 32 bytes.</param>
    /// <param name="previous">The one before it, while values may still be encrypted under it.</param>
    public SecretCipher(byte[] current, byte[]? previous = null) => throw new NotImplementedException();

    /// <summary>Encrypts under the current key.</summary>
    /// <param name="place">Where the result will be kept.</param>
    /// <param name="clear">The secret.</param>
    public byte[] Encrypt(SecretPlace place, ReadOnlySpan<byte> clear) => throw new NotImplementedException();

    /// <summary>Decrypts what <see cref="Encrypt"/> made for the same place.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Wrong key, wrong place, or changed.</exception>
    public byte[] Decrypt(SecretPlace place, ReadOnlySpan<byte> encrypted) => throw new NotImplementedException();
}

/// <summary>Where an encrypted value is kept.</summary>
/// <param name="Table">The table.</param>
/// <param name="Row">The row's key.</param>
/// <param name="Field">The column.</param>
public sealed record SecretPlace(string Table, string Row, string Field);
