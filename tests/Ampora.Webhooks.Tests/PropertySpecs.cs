using System.Buffers;
using System.Text;
using FsCheck.Fluent;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks.Tests;

/// <summary>What holds for whatever is sent: no exception but the typed one, and nothing without a bound. A failure prints the seed.</summary>
public sealed class PropertySpecs
{
    private static readonly string[] Events =
        ["push", "create", "delete", "ping", "issues", "Push Hook", "System Hook", "repo:push", "repo:refs_changed", "mirror:repo_synchronized", "diagnostics:ping", ""];

    private static readonly string[] SourceRefs = ["HEAD", "main", "refs/heads/main", "tags/v1.*", "refs/tags/v1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "heads/main", "refs/x", "*", ""];

    public static TheoryData<string> Readers => [.. HostilePayloadSpecs.Readers.Select(row => row.Data), "token", "aws-sns"];

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_reader_takes_any_bytes(string provider) => Arbitrary.Holds(Arbitrary.Bytes, bytes => Reads(provider, bytes));

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_reader_takes_any_JSON(string provider) => Arbitrary.Holds(Arbitrary.Json, bytes => Assert.True(Reads(provider, bytes), "JSON was refused"));

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_reader_takes_any_payload_whose_values_are_others(string provider) =>
        Arbitrary.Holds(Arbitrary.Reshaped(provider), bytes => Assert.True(Reads(provider, bytes), "JSON was refused"));

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_reader_takes_any_payload_whose_bytes_are_others(string provider) => Arbitrary.Holds(Arbitrary.Damaged(provider), bytes => Reads(provider, bytes));

    [Fact]
    public void A_form_is_decoded_to_no_more_than_it_is_long() =>
        Arbitrary.Holds(Gen.OneOf(Arbitrary.Bytes, Arbitrary.Bytes.Select(bytes => (byte[])[.. "payload="u8, .. bytes])), bytes =>
        {
            var whole = new WebhookBody(new ReadOnlySequence<byte>(bytes), Requests.Form);
            var cut = new WebhookBody(Requests.InSegments(bytes, 3), Requests.Form);
            Assert.Equal(whole.TryGetJson(out var json), cut.TryGetJson(out var same));
            Assert.Equal(json.ToArray(), same.ToArray());
            Assert.InRange(json.Length, 0, bytes.Length);
        });

    [Fact]
    public void What_was_encoded_is_decoded() =>
        Arbitrary.Holds(ArbMap.Default.GeneratorFor<string>().Select(text => new string([.. (text ?? "").Where(c => !char.IsSurrogate(c))])), text =>
        {
            Assert.True(new WebhookBody(Requests.Bytes("payload=" + Uri.EscapeDataString(text)), Requests.Form).TryGetJson(out var json));
            Assert.Equal(text, Encoding.UTF8.GetString(json.ToArray()));
        });

    [Fact]
    public void An_address_has_one_key_that_is_bounded_and_stays_the_same() =>
        Arbitrary.Holds(
            Arbitrary.Addresses,
            url =>
            {
                Assert.Same(WebhookMethod.DefaultFor(url), WebhookMethod.DefaultFor(url));
                if (RepositoryAddress.BitbucketServerKeyOf(url) is { } server)
                {
                    Assert.Equal(3, server.Split('/').Length);
                    Assert.NotNull(RepositoryAddress.KeyOf(url));
                }

                if (RepositoryAddress.KeyOf(url) is not { } key)
                    return;
                Assert.InRange(key.Length, 3, (2 * RepositoryAddress.MaxLength) + 64);
                Assert.Equal(key.ToLowerInvariant(), key);
                var slash = key.IndexOf('/', StringComparison.Ordinal);
                Assert.True(slash > 0 && slash < key.Length - 1, key);
                Assert.DoesNotContain(key, char.IsControl);
                Assert.DoesNotContain('@', key[..slash]);
                Assert.DoesNotContain(key.Split('/'), segment => segment is "." or "..");
                Assert.True(RepositoryAddress.Matches(url, url));
                Assert.True(RepositoryAddress.IsUnder(key, key[..(slash + 1)]));
                // The key is an address again, of the same repository; the port of the other scheme and Azure's collection would be left out once more.
                var again = $"https://{key[..slash]}/{string.Join('/', key[(slash + 1)..].Split('/').Select(Uri.EscapeDataString))}.git";
                if (again.Length <= RepositoryAddress.MaxLength && !key[..slash].EndsWith(":443", StringComparison.Ordinal) && !key.Contains("defaultcollection", StringComparison.Ordinal)
                    && !key[(slash + 1)..].EndsWith('/') && !key[(slash + 1)..].StartsWith('/'))
                    Assert.Equal(key, RepositoryAddress.KeyOf(again));
            },
            tests: 20_000);

    [Fact]
    public void A_prefix_ends_at_a_segment_or_is_refused() =>
        Arbitrary.Holds(
            Arbitrary.Addresses,
            text =>
            {
                var problem = RepositoryAddress.FindPrefixProblem(text, out var prefix);
                Assert.NotEqual(problem is null, prefix is null);
                if (prefix is null)
                    return;
                Assert.EndsWith("/", prefix, StringComparison.Ordinal);
                Assert.True(RepositoryAddress.IsUnder(prefix + "x", prefix));
                Assert.False(RepositoryAddress.IsUnder(prefix[..^1] + "x", prefix));
                Assert.False(RepositoryAddress.IsUnder("x" + prefix + "x", prefix));
            },
            tests: 5_000);

    [Fact]
    public void Credentials_of_any_kind_verify_nothing_that_they_should_not()
    {
        string[] names =
        [
            "X-Ampora-Webhook-Token", "X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature", "X-Gitlab-Token", "Authorization", "webhook-id", "webhook-timestamp",
            "webhook-signature", "X-Event-Key",
        ];
        var value = Gen.OneOf(
            ArbMap.Default.GeneratorFor<string>().Select(text => text ?? ""),
            Gen.Elements("", "sha256=", "sha1=", "v1,", "Basic ", "Basic Og==", "diagnostics:ping", "1614265330", "sha256=" + new string('0', 64), new string('0', 64), "v1," + new string('A', 43) + "="));
        var headers = Gen.ArrayOf(from name in Gen.Elements(names) from text in value select (name, text)).Resize(8);
        WebhookSecret[] secrets = [.. WebhookMethod.All.Select(method => WebhookSecret.Of(method, Signing.SigningSecret, null))];
        Arbitrary.Holds(
            headers,
            sent =>
            {
                var presented = PresentedCredentials.Of(Requests.Headers(sent), default);
                foreach (var secret in secrets)
                {
                    var verification = WebhookVerification.Verify(presented, Requests.Body(Signing.Body), [secret], Signing.Now);
                    Assert.Null(verification.Secret);
                    Assert.NotNull(verification.Reason);
                    Assert.NotNull(verification.Detail);
                }

                _ = Senders.Recognise(Requests.Headers(sent));
                _ = PayloadReader.EventName(Requests.Headers(sent));
                _ = PayloadReader.SenderDeliveryId(Requests.Headers(sent));
            },
            tests: 5_000);
    }

    /// <returns>Whether it was read and not refused.</returns>
    private static bool Reads(string provider, byte[] bytes)
    {
        var headers = Events[bytes.Length % Events.Length] is { Length: > 0 } name ? RealPayloadSpecs.HeadersOf(provider, name) : new HeaderDictionary();
        var whole = Read(provider, headers, new ReadOnlySequence<byte>(bytes));
        var cut = Read(provider, headers, Requests.InSegments(bytes, 1 + (bytes.Length % 13)));
        Assert.Equal(Senders.RecogniseBody(new(bytes)), Senders.RecogniseBody(Requests.InSegments(bytes, 2)));
        Assert.Equal(whole is null, cut is null);
        if (whole is null)
            return false;
        Assert.Equal(whole.Refs, cut!.Refs);
        Assert.Equal(whole.RepositoryUrls, cut.RepositoryUrls);
        Assert.Equal(whole with { Refs = [], RepositoryUrls = [] }, cut with { Refs = [], RepositoryUrls = [] });

        Assert.InRange(whole.Refs.Count, 0, 1000);
        Assert.InRange(whole.RepositoryUrls.Count, 0, 10);
        Assert.All(whole.RepositoryUrls, url => Assert.InRange(url.Length, 1, 2048));
        Assert.All(whole.Refs, change =>
        {
            Assert.InRange(change.Name.Length, 1, 2048);
            Assert.DoesNotContain(change.Name, char.IsControl);
            Assert.True(change.After is null || (change.After.Length is 40 or 64 && !change.Deleted));
        });
        Assert.InRange(whole.RefsText?.Length ?? 0, 0, 200);
        Assert.InRange(whole.Event?.Length ?? 0, 0, 100);
        Assert.InRange(whole.RepositoryName?.Length ?? 0, 0, 300);
        Assert.InRange(whole.DefaultBranch?.Length ?? 0, 0, 2048);
        Assert.InRange(whole.SenderDeliveryId?.Length ?? 0, 0, 200);
        foreach (var text in new[] { whole.RefsText, whole.Event, whole.RepositoryName, whole.SenderDeliveryId })
            Assert.DoesNotContain(text ?? "", char.IsControl);
        foreach (var sourceRef in SourceRefs)
        {
            var relevance = Relevance.Of(whole, sourceRef);
            Assert.Equal(relevance.Wakes, relevance.Reason is null);
            Assert.True(relevance.AnnouncedSha is null || relevance.AnnouncedSha.Length is 40 or 64);
        }

        return true;
    }

    private static DeliveryContent? Read(string provider, HeaderDictionary headers, ReadOnlySequence<byte> json)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            return PayloadReader.Read(provider, headers, json);
        }
        catch (PayloadException)
        {
            return null;
        }
        finally
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000 + (20 * json.Length));
        }
    }
}
