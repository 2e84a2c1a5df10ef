using System.Security.Cryptography;
using Ampora.Store.Secrets;

namespace Ampora.Store.Tests;

public class SecretCipherSpecs
{
    private static readonly SecretPlace Place = new("credentials", "fleet", "encrypted");
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] NewKey = [.. Enumerable.Range(0, 32).Select(i => (byte)(i + 100))];

    [Fact]
    public void A_secret_comes_back_at_its_place()
    {
        var cipher = new SecretCipher(Key);
        Assert.Equal("hunter2"u8.ToArray(), cipher.Decrypt(Place, cipher.Encrypt(Place, "hunter2"u8)));
        Assert.Empty(cipher.Decrypt(Place, cipher.Encrypt(Place, [])));
    }

    [Fact]
    public void The_same_secret_never_looks_the_same_and_is_not_in_the_value()
    {
        var cipher = new SecretCipher(Key);
        var first = cipher.Encrypt(Place, "hunter2"u8);
        Assert.NotEqual(first, cipher.Encrypt(Place, "hunter2"u8));
        Assert.Equal(-1, first.AsSpan().IndexOf("hunter2"u8));
    }

    [Theory]
    [InlineData("webhook_secrets", "fleet", "encrypted")]
    [InlineData("credentials", "other", "encrypted")]
    [InlineData("credentials", "fleet", "field")]
    [InlineData("credential", "sfleet", "encrypted")]
    public void A_secret_moved_to_another_place_does_not_decrypt(string table, string row, string field)
    {
        var cipher = new SecretCipher(Key);
        var value = cipher.Encrypt(Place, "hunter2"u8);
        Assert.ThrowsAny<CryptographicException>(() => cipher.Decrypt(new SecretPlace(table, row, field), value));
    }

    [Fact]
    public void Each_changed_byte_is_noticed()
    {
        var cipher = new SecretCipher(Key);
        var value = cipher.Encrypt(Place, "hunter2"u8);
        for (var i = 0; i < value.Length; i++)
        {
            byte[] changed = [.. value];
            changed[i] ^= 1;
            Assert.ThrowsAny<CryptographicException>(() => cipher.Decrypt(Place, changed));
        }

        for (var length = 0; length < value.Length; length++)
            Assert.ThrowsAny<CryptographicException>(() => cipher.Decrypt(Place, value.AsSpan(0, length)));
    }

    [Fact]
    public void A_secret_under_the_previous_key_is_readable_while_that_key_is_given()
    {
        var value = new SecretCipher(Key).Encrypt(Place, "hunter2"u8);
        Assert.Equal("hunter2"u8.ToArray(), new SecretCipher(NewKey, Key).Decrypt(Place, value));
        var error = Assert.Throws<CryptographicException>(() => new SecretCipher(NewKey).Decrypt(Place, value));
        Assert.Contains("AMPORA_MASTER_KEY_PREVIOUS", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void New_secrets_are_under_the_current_key()
    {
        var value = new SecretCipher(NewKey, Key).Encrypt(Place, "hunter2"u8);
        Assert.Equal("hunter2"u8.ToArray(), new SecretCipher(NewKey).Decrypt(Place, value));
    }
}
