using System.Security.Cryptography;
using System.Text;
using Ampora.Contracts;
using Ampora.Store.Snapshots;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

/// <summary>Does the sweepers' and Ingress' part on a console's store, by the real protocol, with trees that a test makes up.</summary>
internal static class Sweeping
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static readonly DateTimeOffset CommitTime = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>Checks a source that is asked for: its tip is a new commit with these files.</summary>
    /// <returns>The commit's id.</returns>
    public static async Task<string> SweepAsync(this TestConsole console, string id, params (string Path, string Mode, byte[] Content)[] files)
    {
        var sha = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
        await console.SweepTreeAsync(
            id,
            sha,
            CommitTime,
            [.. files.Select(f => (new ManifestEntry(f.Path, f.Mode, Convert.ToHexStringLower(SHA256.HashData(f.Content))[..40], f.Content.Length), (byte[]?)f.Content))]);
        return sha;
    }

    /// <summary>Checks a source that is asked for: its tip is this commit.</summary>
    public static Task SweepTreeAsync(
        this TestConsole console, string id, string sha, DateTimeOffset committedAt, IReadOnlyList<(ManifestEntry Entry, byte[]? Content)> tree,
        bool skipped = false, string? movedTo = null) =>
        RunAsync(console, id, async claim =>
        {
            var store = console.Services.GetRequiredService<SnapshotStore>();
            var lookedAt = (await store.FindMissingAsync(id, [], Stop)).LookedAt;
            await using (var blobs = store.WriteBlobs(id))
            {
                foreach (var (entry, content) in tree.Where(t => t.Content is not null))
                {
                    using var stream = new MemoryStream(content!);
                    await blobs.AddAsync(entry.ObjectId, content!.Length, stream, Stop);
                }

                await blobs.FlushAsync(Stop);
            }

            await store.StageAsync(id, claim.Config, sha, new Manifest([.. tree.Select(t => t.Entry)]), lookedAt, Stop);
            return new CheckResult.Moved
            {
                Sha = sha,
                RefName = "refs/heads/main",
                Skipped = skipped,
                MovedTo = movedTo,
                Commit = new CommitSummary("Ada <ada@example.com>", "Change the <fleet>", committedAt),
                Parents = [],
                Forced = false,
                Reused = false,
                Changes = [new PathChange("a.txt", "added")],
                ChangesTruncated = false,
                Counts = new ChangeCounts(1, 0, 0),
                TipTime = TimeSpan.FromMilliseconds(5),
            };
        });

    public static Task FailAsync(this TestConsole console, string id) => RunAsync(
        console, id, _ => Task.FromResult<CheckResult>(new CheckResult.Failed { Error = new RunError("auth_failed", "401 from host", "Check the credential.") }));

    /// <summary>Commits a webhook delivery.</summary>
    /// <returns>Its id.</returns>
    public static async Task<string> DeliverAsync(this TestConsole console, string id, string? senderDeliveryId = null, string? refs = null, string? secretName = null)
    {
        var delivery = $"dlv_{Guid.NewGuid():n}";
        await using var context = console.Store.Read();
        var version = await context.Wakeups.Where(w => w.SourceId == id).Select(w => w.SecretVersion).SingleAsync(Stop);
        var outcome = await console.Services.GetRequiredService<WakeupProtocol>().AskAsync(
            [new WebhookAsk(id, version, new Delivery(delivery, TimeProvider.System.GetUtcNow(), "token", "push", "192.0.2.9", "current")
            {
                SenderDeliveryId = senderDeliveryId,
                Refs = refs,
                SecretName = secretName,
            })],
            Stop);
        Assert.Equal([AskOutcome.Accepted], outcome);
        return delivery;
    }

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task RunAsync(TestConsole console, string id, Func<Claim, Task<CheckResult>> check)
    {
        // A pause after an earlier check, or a full host, passes; a test need not wait for it.
        await console.Store.WriteAsync(
            (context, stop) => context.Wakeups.Where(w => w.SourceId == id).ExecuteUpdateAsync(set => set.SetProperty(w => w.NotBefore, (DateTimeOffset?)null), stop), Stop);
        var ran = false;
        await console.Services.GetRequiredService<WakeupProtocol>().SweepAsync(
            id,
            new Scripted(async claim =>
            {
                ran = true;
                return await check(claim);
            }),
            Stop);
        Assert.True(ran, "The source could not be claimed.");
    }

    private sealed class Scripted(Func<Claim, Task<CheckResult>> check) : ICheck
    {
        public Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken) => check(claim);
    }
}
