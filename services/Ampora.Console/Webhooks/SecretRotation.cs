using System.Security.Cryptography;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;

namespace Ampora.Console.Webhooks;

/// <summary>
/// Replaces the secret of a webhook, a source's or an organisation's. There are two at most: a second rotation during an overlap makes the secret that it
/// replaces the previous one, and the one before that is refused at once.
/// </summary>
/// <remarks>
/// The secret that is replaced is kept also without an overlap, without a time until which it is accepted: so a delivery that is still signed by it is refused with
/// a reason that says what to do, and not as if a stranger had sent it.
/// </remarks>
internal sealed class SecretRotation(SecretCipher cipher)
{
    /// <summary>Whether there is a current secret.</summary>
    public static bool HasCurrent(IWebhookSecretRow row) => row.SecretHash is not null || row.SecretEncrypted is not null;

    /// <summary>Where the Git host wants the current secret, or will want the one that is made.</summary>
    /// <param name="method">The method.</param>
    /// <param name="isEncrypted">Whether the secret is one that must be recovered.</param>
    public static string FieldOf(WebhookMethod method, bool isEncrypted) => method.FieldOf(isEncrypted ? SigningKey.Prefix : "");

    /// <summary>Makes a secret as a method needs it.</summary>
    /// <param name="method">The method.</param>
    /// <param name="signing">Whether GitLab is to sign with it; no other method has a choice.</param>
    public static string Generate(WebhookMethod method, bool signing) =>
        method == WebhookMethod.StandardWebhooks || (signing && method == WebhookMethod.GitLab) ? SigningKey.Generate() : AccessToken.Generate();

    /// <summary>Sets a new current secret; the one that it replaces becomes the previous one.</summary>
    /// <param name="row">The row.</param>
    /// <param name="place">Where it is kept.</param>
    /// <param name="secret">The method, the secret and the user name.</param>
    /// <param name="overlapSeconds">See <see cref="Retire"/>.</param>
    /// <param name="now">The database's clock.</param>
    public void Set(IWebhookSecretRow row, SecretPlace place, NewSecret secret, int? overlapSeconds, DateTimeOffset now)
    {
        Retire(row, place, overlapSeconds, now);
        (row.SecretHash, row.SecretEncrypted) = WebhookSecretStorage.Protect(cipher, place, secret.Method, secret.Value);
        (row.Auth, row.Username, row.CreatedAt, row.UsedAt) = (secret.Method.Name, secret.Username, now, null);
    }

    /// <summary>Makes the current secret the previous one, and leaves none current.</summary>
    /// <param name="row">The row.</param>
    /// <param name="place">Where it is kept.</param>
    /// <param name="overlapSeconds">
    /// How long it is accepted still; null: not at all. Where there is no current secret, this is about the previous one, which null leaves as it is.
    /// </param>
    /// <param name="now">The database's clock.</param>
    public void Retire(IWebhookSecretRow row, SecretPlace place, int? overlapSeconds, DateTimeOffset now)
    {
        if (!HasCurrent(row))
        {
            if (overlapSeconds is { } seconds)
                SetOverlap(row, seconds, now);
            return;
        }

        // What cannot be read any more can verify nothing; kept, it would only make reading the row fail.
        if (IsReadable(row, place))
        {
            (row.PreviousAuth, row.PreviousSecretHash, row.PreviousSecretEncrypted) = (row.Auth, row.SecretHash, row.SecretEncrypted);
            (row.PreviousUsername, row.PreviousUsedAt) = (row.Username, row.UsedAt);
            row.PreviousValidUntil = overlapSeconds > 0 ? now.AddSeconds(overlapSeconds.Value) : null;
        }
        else
        {
            ForgetPrevious(row);
        }

        (row.SecretHash, row.SecretEncrypted, row.UsedAt) = (null, null, null);
    }

    /// <summary>Ends an overlap, or moves the end of one that has not ended yet.</summary>
    public static void SetOverlap(IWebhookSecretRow row, int seconds, DateTimeOffset now) =>
        row.PreviousValidUntil = seconds > 0 && row.PreviousValidUntil > now ? now.AddSeconds(seconds) : null;

    /// <summary>Forgets both secrets: nothing is verified by this row any more.</summary>
    public static void Forget(IWebhookSecretRow row)
    {
        (row.SecretHash, row.SecretEncrypted, row.UsedAt) = (null, null, null);
        ForgetPrevious(row);
    }

    private static void ForgetPrevious(IWebhookSecretRow row)
    {
        (row.PreviousAuth, row.PreviousSecretHash, row.PreviousSecretEncrypted) = (null, null, null);
        (row.PreviousUsername, row.PreviousUsedAt, row.PreviousValidUntil) = (null, null, null);
    }

    private bool IsReadable(IWebhookSecretRow row, SecretPlace place)
    {
        if (row.SecretEncrypted is null)
            return true;
        try
        {
            CryptographicOperations.ZeroMemory(cipher.Decrypt(place, row.SecretEncrypted));
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}

/// <summary>A secret that is about to be kept.</summary>
/// <param name="Method">What it verifies by.</param>
/// <param name="Value">The secret.</param>
/// <param name="Username">The user name that Basic authentication must bring with it; null: any.</param>
internal sealed record NewSecret(WebhookMethod Method, string Value, string? Username)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Method.Name;
}
