using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Store.Secrets;

/// <summary>
/// Encrypts what must be recovered: AES-256-GCM (NIST SP 800-38D), with a key per purpose derived from the master key (HKDF, RFC 5869),
/// and key id, table, row and field as associated data, so that a value moved to another place does not decrypt.
/// </summary>
/// <remarks>A value is: version (1 byte, 1), key id (8), nonce (12), tag (16), ciphertext.</remarks>
public sealed class SecretCipher
{
    /// <summary>The length of a master key.</summary>
    public const int KeyBytes = 32;

    private const byte Version = 1;
    private const int KeyIdBytes = 8;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int HeaderBytes = 1 + KeyIdBytes + NonceBytes + TagBytes;

    private readonly MasterKey _current;
    private readonly MasterKey? _previous;

    /// <summary>Makes a cipher.</summary>
    /// <param name="current">The master key, 32 bytes.</param>
    /// <param name="previous">The one before it, while values may still be encrypted under it.</param>
    public SecretCipher(byte[] current, byte[]? previous = null)
    {
        _current = new MasterKey(current);
        _previous = previous is null ? null : new MasterKey(previous);
    }

    /// <summary>Encrypts under the current key.</summary>
    /// <param name="place">Where the result will be kept.</param>
    /// <param name="clear">The secret.</param>
    public byte[] Encrypt(SecretPlace place, ReadOnlySpan<byte> clear)
    {
        var value = new byte[HeaderBytes + clear.Length];
        value[0] = Version;
        _current.Id.CopyTo(value.AsSpan(1));
        var nonce = value.AsSpan(1 + KeyIdBytes, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = _current.Open(place);
        aes.Encrypt(nonce, clear, value.AsSpan(HeaderBytes), value.AsSpan(HeaderBytes - TagBytes, TagBytes), AssociatedData(value, place));
        return value;
    }

    /// <summary>Decrypts what <see cref="Encrypt"/> made for the same place.</summary>
    /// <exception cref="CryptographicException">Wrong key, wrong place, or changed.</exception>
    public byte[] Decrypt(SecretPlace place, ReadOnlySpan<byte> encrypted)
    {
        if (encrypted.Length < HeaderBytes || encrypted[0] != Version)
            throw new CryptographicException("The value was not made by this cipher.");
        var id = encrypted.Slice(1, KeyIdBytes);
        var key = id.SequenceEqual(_current.Id) ? _current
            : _previous is not null && id.SequenceEqual(_previous.Id) ? _previous
            : throw new CryptographicException(
                "The value was encrypted under another master key: set AMPORA_MASTER_KEY_PREVIOUS to the key before the current one.");

        var clear = new byte[encrypted.Length - HeaderBytes];
        using var aes = key.Open(place);
        aes.Decrypt(
            encrypted.Slice(1 + KeyIdBytes, NonceBytes),
            encrypted[HeaderBytes..],
            encrypted.Slice(HeaderBytes - TagBytes, TagBytes),
            clear,
            AssociatedData(encrypted, place));
        return clear;
    }

    /// <summary>Whether a value is encrypted under the current key, so that it is readable without the previous one. It says nothing about whether it decrypts.</summary>
    /// <param name="encrypted">Made by <see cref="Encrypt"/>.</param>
    public bool IsCurrent(ReadOnlySpan<byte> encrypted) =>
        encrypted.Length >= HeaderBytes && encrypted[0] == Version && encrypted.Slice(1, KeyIdBytes).SequenceEqual(_current.Id);

    /// <summary>Version, key id, and each part of the place with its length before it, so that no two places look alike.</summary>
    private static byte[] AssociatedData(ReadOnlySpan<byte> value, SecretPlace place)
    {
        using var data = new MemoryStream();
        data.Write(value[..(1 + KeyIdBytes)]);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var part in (string[])[place.Table, place.Row, place.Field])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
            data.Write(length);
            data.Write(bytes);
        }

        return data.ToArray();
    }

    private sealed class MasterKey
    {
        private readonly byte[] _key;

        // One for each field that holds secrets. Deriving costs many times what decrypting does, and one webhook may need some hundred secrets.
        private readonly ConcurrentDictionary<string, byte[]> _derived = new(StringComparer.Ordinal);

        public MasterKey(byte[] key)
        {
            if (key.Length != KeyBytes)
                throw new ArgumentException($"A master key has {KeyBytes} bytes, not {key.Length}.", nameof(key));
            _key = key;
            Id = HKDF.DeriveKey(HashAlgorithmName.SHA256, key, KeyIdBytes, info: "ampora key id"u8.ToArray());
        }

        /// <summary>Tells keys apart, and nothing about them.</summary>
        public byte[] Id { get; }

        public AesGcm Open(SecretPlace place) => new(_derived.GetOrAdd($"{place.Table}.{place.Field}", Derive), TagBytes);

        private byte[] Derive(string purpose) =>
            HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, KeyBytes, info: Encoding.UTF8.GetBytes($"ampora secret {purpose}"));
    }
}

/// <summary>Where an encrypted value is kept.</summary>
/// <param name="Table">The table.</param>
/// <param name="Row">The row's key.</param>
/// <param name="Field">The column.</param>
public sealed record SecretPlace(string Table, string Row, string Field);
