using Ampora.Store.Webhooks;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Secrets that this process cannot decrypt. A webhook that one of them may verify is answered 503, so that its sender comes back when the
/// key is right; nothing is accepted without a look at its secret, and nothing refused that may be good.
/// </summary>
internal sealed partial class UnreadableSecrets(TimeProvider time, ILogger<UnreadableSecrets> logger)
{
    // Every webhook of such a source notices; one line a minute says it as well as thousands.
    private static readonly TimeSpan BetweenLines = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private long? _said;

    /// <summary>Says it.</summary>
    public void Note(SecretUnreadableException unreadable)
    {
        lock (_gate)
        {
            if (_said is { } said && time.GetElapsedTime(said) < BetweenLines)
                return;
            _said = time.GetTimestamp();
        }

        Log.Unreadable(logger, unreadable.Place.Table, unreadable.Place.Row);
    }

    private static partial class Log
    {
        [LoggerMessage(
            1,
            LogLevel.Error,
            "The secret of {Row} in {Table} cannot be decrypted, and its webhooks are answered 503: start with the master key that it was stored under as "
            + "AMPORA_MASTER_KEY or AMPORA_MASTER_KEY_PREVIOUS, or give the secret again")]
        public static partial void Unreadable(ILogger logger, string table, string row);
    }
}
