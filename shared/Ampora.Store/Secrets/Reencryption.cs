using System.Security.Cryptography;
using Ampora.Database;
using Ampora.Store.Sql;
using Microsoft.Extensions.Logging;

namespace Ampora.Store.Secrets;

/// <summary>
/// Encrypts under the current master key what is still encrypted under the previous one. Each value is replaced only if it is the one that was read, in a
/// transaction of its own: it runs beside whoever writes, any number of times and on any number of replicas.
/// </summary>
public sealed partial class Reencryption(Database<StoreContext> database, SecretCipher cipher, ILogger<Reencryption> logger)
{
    // A rotation may move a value from one column to the other while it is looked at; it does not do so again and again.
    private const int MaxPasses = 5;

    private static readonly EncryptedColumn[] Columns =
    [
        new("credentials", "source_id", "encrypted", "encrypted"),
        new("webhook_secrets", "source_id", "secret_encrypted", "secret"),
        new("webhook_secrets", "source_id", "previous_secret_encrypted", "secret"),
        new("shared_webhook_secrets", "name", "secret_encrypted", "secret"),
        new("shared_webhook_secrets", "name", "previous_secret_encrypted", "secret"),
    ];

    private readonly HashSet<SecretPlace> _named = [];

    /// <summary>Goes through everything that is encrypted, until nothing is left that it can read and that is not under the current key.</summary>
    /// <param name="cancellationToken">Ends it between two values.</param>
    public async Task<ReencryptionResult> RunAsync(CancellationToken cancellationToken)
    {
        var done = 0;
        var unreadable = new HashSet<SecretPlace>();
        for (var pass = 1; ; pass++)
        {
            var before = done;
            var overtaken = 0;
            unreadable.Clear();
            foreach (var column in Columns)
            {
                await foreach (var (key, encrypted) in ReadStaleAsync(column, cancellationToken))
                {
                    var place = new SecretPlace(column.Table, key, column.BoundAs);
                    if (Renew(place, encrypted) is not { } renewed)
                        unreadable.Add(place);
                    else if (await ReplaceAsync(column, key, encrypted, renewed, cancellationToken))
                        done++;
                    else
                        overtaken++;
                }
            }

            // A pass that found nothing proves that nothing moved past it.
            if ((done == before && overtaken == 0) || pass == MaxPasses)
                break;
        }

        foreach (var place in unreadable.Where(_named.Add))
            Log.Unreadable(logger, place.Field, place.Table, place.Row);
        if (done > 0)
            Log.Reencrypted(logger, done);
        return new ReencryptionResult(done, unreadable.Count);
    }

    /// <returns>Null when neither key reads it.</returns>
    private byte[]? Renew(SecretPlace place, byte[] encrypted)
    {
        byte[]? clear = null;
        try
        {
            clear = cipher.Decrypt(place, encrypted);
            return cipher.Encrypt(place, clear);
        }
        catch (CryptographicException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    private async IAsyncEnumerable<(string Key, byte[] Encrypted)> ReadStaleAsync(
        EncryptedColumn column, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = "";
        while (true)
        {
            List<(string Key, byte[] Encrypted)> batch;
            await using (var context = database.Read())
            {
                var session = await StoreSession.OpenAsync(context, cancellationToken);
                batch = await session.ReadAsync(
                    column.Read, [("after", after), ("limit", EncryptedColumn.Batch)], row => (row.String(0), row.Bytes(1)), cancellationToken);
            }

            foreach (var value in batch)
            {
                if (!cipher.IsCurrent(value.Encrypted))
                    yield return value;
            }

            if (batch.Count < EncryptedColumn.Batch)
                yield break;
            after = batch[^1].Key;
        }
    }

    // One row for each transaction: several would have to be locked in the order in which webhooks lock them.
    private Task<bool> ReplaceAsync(EncryptedColumn column, string key, byte[] before, byte[] after, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) =>
                await new StoreSession(context).ExecuteAsync(column.Replace, [("key", key), ("before", before), ("after", after)], token) > 0,
            cancellationToken);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Count} stored secrets were encrypted anew, under AMPORA_MASTER_KEY")]
        public static partial void Reencrypted(ILogger logger, int count);

        [LoggerMessage(
            2,
            LogLevel.Warning,
            "The {Field} of {Row} in {Table} decrypts neither with AMPORA_MASTER_KEY nor with AMPORA_MASTER_KEY_PREVIOUS, and is left as it is: "
            + "give it anew, or start with the key that it was stored under as AMPORA_MASTER_KEY_PREVIOUS")]
        public static partial void Unreadable(ILogger logger, string field, string table, string row);
    }

    /// <summary>A column of encrypted values.</summary>
    private sealed class EncryptedColumn(string table, string key, string name, string boundAs)
    {
        public const int Batch = 200;

        public string Table => table;

        /// <summary>The field that the values are bound to, besides table and row.</summary>
        public string BoundAs => boundAs;

        public Statement Read { get; } = new(
            $"SELECT {key}, {name} FROM {table} WHERE {name} IS NOT NULL AND {key} > @after ORDER BY {key} LIMIT @limit");

        public Statement Replace { get; } = new($"UPDATE {table} SET {name} = @after WHERE {key} = @key AND {name} = @before");
    }
}

/// <summary>What a re-encryption did.</summary>
/// <param name="Done">How many values it encrypted anew.</param>
/// <param name="Unreadable">How many it left, because neither key reads them.</param>
public sealed record ReencryptionResult(int Done, int Unreadable);
