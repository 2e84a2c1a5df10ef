using System.Buffers;
using System.Security.Cryptography;
using Ampora.Ingress.Bodies;

namespace Ampora.Ingress.Tests.Bodies;

public sealed class BodyBudgetTests
{
    private const int Segments = BodyBudget.MaxBytes / BodyBudget.SegmentBytes;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(BodyBudget.SegmentBytes)]
    [InlineData(BodyBudget.SegmentBytes + 1)]
    [InlineData(1_000_003)]
    public void A_body_comes_out_as_it_went_in_whatever_its_pieces(int length)
    {
        var budget = new BodyBudget();
        var bytes = RandomNumberGenerator.GetBytes(length);
        using (var body = budget.Open())
        {
            for (var (at, piece) = (0, 1); at < length; at += piece, piece = (piece * 7) % 40_000 + 1)
                Assert.True(body.TryAppend(new ReadOnlySequence<byte>(bytes, at, Math.Min(piece, length - at))));

            Assert.True(body.TryUse(whole => whole.ToArray(), out var seen));
            Assert.Equal(bytes, seen);
            Assert.Equal((length + BodyBudget.SegmentBytes - 1) / BodyBudget.SegmentBytes * BodyBudget.SegmentBytes, budget.HeldBytes);
        }

        Assert.Equal(0, budget.HeldBytes);
    }

    [Fact]
    public void When_there_is_no_more_the_largest_body_gives_way_and_its_reader_wakes_up()
    {
        var budget = new BodyBudget();
        using var small = Filled(budget, 1);
        using var largest = Filled(budget, Segments / 2 + 1);
        using var second = Filled(budget, Segments - 1 - (Segments / 2 + 1));
        Assert.Equal(BodyBudget.MaxBytes, budget.HeldBytes);

        using var newcomer = Filled(budget, 1);

        Assert.True(largest.GaveWay.IsCancellationRequested);
        Assert.False(largest.TryAppend(Bytes(1)));
        Assert.False(largest.TryUse(_ => true, out _));
        foreach (var other in new[] { small, second, newcomer })
        {
            Assert.False(other.GaveWay.IsCancellationRequested);
            Assert.True(other.TryUse(_ => true, out _));
        }

        Assert.Equal((Segments - (Segments / 2 + 1) + 1L) * BodyBudget.SegmentBytes, budget.HeldBytes);
    }

    [Fact]
    public void A_body_that_grows_beyond_all_others_gives_way_itself()
    {
        var budget = new BodyBudget();
        using var first = Filled(budget, Segments / 2);
        using var second = Filled(budget, Segments / 2);

        Assert.False(second.TryAppend(Bytes(1)));

        Assert.False(first.GaveWay.IsCancellationRequested);
        Assert.Equal(BodyBudget.MaxBytes / 2, budget.HeldBytes);
    }

    [Fact]
    public void Among_equals_the_oldest_gives_way_so_that_bodies_that_never_end_keep_nobody_out()
    {
        var budget = new BodyBudget();
        var dripping = Enumerable.Range(0, Segments).Select(_ => Filled(budget, 1)).ToArray();

        using var honest = Filled(budget, 1);

        Assert.True(dripping[0].GaveWay.IsCancellationRequested);
        Assert.All(dripping[1..], d => Assert.False(d.GaveWay.IsCancellationRequested));
        Assert.True(honest.TryUse(_ => true, out _));
        Array.ForEach(dripping, d => d.Dispose());
    }

    [Fact]
    public void A_body_that_somebody_looks_into_is_not_taken_away_under_the_look()
    {
        var budget = new BodyBudget();
        using var looked = Filled(budget, Segments - 1);
        using var other = Filled(budget, 1);
        using var newcomer = budget.Open();

        Assert.True(looked.TryUse(
            whole =>
            {
                Assert.True(newcomer.TryAppend(Bytes(1)));
                return whole.Length;
            },
            out var length));

        Assert.Equal((Segments - 1L) * BodyBudget.SegmentBytes, length);
        Assert.False(looked.GaveWay.IsCancellationRequested);
        Assert.True(other.GaveWay.IsCancellationRequested);
    }

    [Fact]
    public void What_is_given_back_holds_nothing_of_the_body()
    {
        var budget = new BodyBudget();
        using (var secret = budget.Open())
            Assert.True(secret.TryAppend(new ReadOnlySequence<byte>("a secret"u8.ToArray())));

        // The pool hands the same segment out again; the look goes beyond what was written to it.
        using var next = budget.Open();
        Assert.True(next.TryAppend(Bytes(1)));
        Assert.True(next.TryUse(
            whole =>
            {
                Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(whole.First, out var segment));
                Assert.All(segment.Array!, b => Assert.Equal(0, b));
                return true;
            },
            out _));
    }

    [Fact]
    public async Task Any_number_of_bodies_at_once_stay_within_the_budget_and_whole()
    {
        var budget = new BodyBudget();
        var over = 0L;
        var whole = 0;
        await Task.WhenAll(Enumerable.Range(1, 64).Select(n => Task.Run(
            () =>
            {
                var random = new Random(n);
                for (var round = 0; round < 30; round++)
                {
                    using var body = budget.Open();
                    var piece = Enumerable.Repeat((byte)n, random.Next(1, 100_000)).ToArray();
                    var length = 0L;
                    var kept = true;
                    for (var i = random.Next(1, 40); i > 0 && kept; i--, length += piece.Length)
                        kept = body.TryAppend(new ReadOnlySequence<byte>(piece));
                    if (budget.HeldBytes > BodyBudget.MaxBytes)
                        Interlocked.Increment(ref over);
                    if (kept && body.TryUse(all => all.Length == length && !all.ToArray().AsSpan().ContainsAnyExcept((byte)n), out var right))
                    {
                        Assert.True(right);
                        Interlocked.Increment(ref whole);
                    }
                }
            },
            TestContext.Current.CancellationToken)));

        Assert.Equal(0, over);
        Assert.NotEqual(0, whole);
        Assert.Equal(0, budget.HeldBytes);
    }

    private static ReadOnlySequence<byte> Bytes(int count) => new(new byte[count]);

    private static KeptBody Filled(BodyBudget budget, int segments)
    {
        var body = budget.Open();
        Assert.True(body.TryAppend(Bytes(segments * BodyBudget.SegmentBytes)));
        return body;
    }
}
