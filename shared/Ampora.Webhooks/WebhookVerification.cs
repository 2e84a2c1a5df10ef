using System.Security.Cryptography;
using Ampora.Webhooks.Verifying;

namespace Ampora.Webhooks;

/// <summary>Verifies requests. Every comparison takes the same time, and how much is computed depends on the request alone.</summary>
public static class WebhookVerification
{
    /// <summary>Distinct secrets that one request is tried with; more would let a sender buy much work with one request.</summary>
    public const int MaxDistinctSecrets = 8;

    // A source's current and previous secret. Where there are fewer, or no source at all, as many are computed with keys that nobody has.
    private const int AlwaysComputed = 2;

    private static readonly byte[][] NobodysKeys = [.. Enumerable.Range(0, AlwaysComputed).Select(_ => RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes))];

    private static readonly WebhookSecret Nobodys = new(WebhookMethod.Token, RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes), null, null);

    /// <summary>Verifies a request by any of some secrets.</summary>
    /// <param name="presented">What it brought.</param>
    /// <param name="body">Its body; <see cref="WebhookBody.Empty"/> where <see cref="PresentedCredentials.NeedsBody"/> is false.</param>
    /// <param name="secrets">
    /// The secrets, the current one first; none for a source that does not exist. Equal ones are hashed once, and what follows after
    /// <see cref="MaxDistinctSecrets"/> distinct ones is not tried.
    /// </param>
    /// <param name="now">The time, for signatures that carry one.</param>
    public static Verification Verify(PresentedCredentials presented, WebhookBody body, IReadOnlyList<WebhookSecret> secrets, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(presented);
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(secrets);

        var tried = Tried(secrets);
        var digests = Digests(tried, presented, body);
        int? verifiedBy = null;
        Judgement? refused = null;
        // All are judged, also after one of them verified: at which place it stands is nobody's to measure.
        foreach (var (place, secret) in tried)
        {
            var judgement = Judgement.Of(secret, presented, body, digests[KeyOf(secret)], now);
            if (judgement.Reason is null)
                verifiedBy ??= place;
            else if (refused is null || (judgement.Came && !refused.Value.Came))
                refused = judgement;
        }

        for (var missing = tried.Count; missing < AlwaysComputed; missing++)
            _ = Judgement.Of(Nobodys, presented, body, digests[NobodysKeys[0]], now);
        if (verifiedBy is not null)
            return new Verification(verifiedBy, null, null);
        return refused is { } why
            ? new Verification(null, why.Reason, why.Detail)
            : new Verification(null, RefusalReasons.SecretNotSet, "There is no secret to verify by; make one.");
    }

    /// <summary>The first of each distinct secret, with its place.</summary>
    private static List<(int Place, WebhookSecret Secret)> Tried(IReadOnlyList<WebhookSecret> secrets)
    {
        List<(int Place, WebhookSecret Secret)> tried = [];
        for (var place = 0; place < secrets.Count && tried.Count < MaxDistinctSecrets; place++)
        {
            if (!tried.Exists(one => one.Secret.Equals(secrets[place])))
                tried.Add((place, secrets[place]));
        }

        return tried;
    }

    private static Dictionary<byte[], BodyDigests> Digests(List<(int Place, WebhookSecret Secret)> tried, PresentedCredentials presented, WebhookBody body)
    {
        var digests = new Dictionary<byte[], BodyDigests>(SameKey.Instance);
        foreach (var (_, secret) in tried)
            Compute(KeyOf(secret));
        foreach (var key in NobodysKeys)
        {
            if (digests.Count < AlwaysComputed)
                Compute(key);
        }

        digests.TryAdd(NobodysKeys[0], digests.Values.First());
        return digests;

        void Compute(byte[] key)
        {
            if (!digests.ContainsKey(key))
                digests.Add(key, BodyDigests.Of(key, presented, body));
        }
    }

    // A secret that signs nothing is computed with all the same, so that the method does not show either.
    private static byte[] KeyOf(WebhookSecret secret) => secret.Key is { Length: > 0 } key ? key : NobodysKeys[0];

    private sealed class SameKey : IEqualityComparer<byte[]>
    {
        public static readonly SameKey Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => CryptographicOperations.FixedTimeEquals(x, y);

        public int GetHashCode(byte[] obj) => obj.Length;
    }
}
