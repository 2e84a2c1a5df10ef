using Ampora.TestServers;

namespace Ampora.Sweeper.Tests;

public sealed class RevisitsSpecs
{
    private readonly ManualClock _clock = new();
    private readonly List<string> _visited = [];
    private readonly Revisits _revisits;

    public RevisitsSpecs() => _revisits = new Revisits(_clock, (sourceId, _) => _visited.Add(sourceId));

    [Fact]
    public void A_source_is_looked_at_again_when_its_pause_ends_and_once()
    {
        _revisits.Schedule("fleet", default, TimeSpan.FromMilliseconds(250));
        _revisits.Schedule("fleet", default, TimeSpan.FromMilliseconds(100));
        Assert.True(_revisits.IsPending("fleet"));

        _clock.Advance(TimeSpan.FromMilliseconds(249));
        Assert.Empty(_visited);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["fleet"], _visited);
        Assert.False(_revisits.IsPending("fleet"));

        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(["fleet"], _visited);
    }

    [Fact]
    public void Nothing_is_looked_at_after_the_stop()
    {
        _revisits.Schedule("fleet", default, TimeSpan.FromMilliseconds(250));
        _revisits.Stop();
        _revisits.Schedule("other", default, TimeSpan.FromMilliseconds(250));

        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(_visited);
    }

    [Fact]
    public void The_table_is_bounded_and_what_does_not_fit_is_left_to_reconciliation()
    {
        for (var i = 0; i <= Revisits.MaxPending; i++)
            _revisits.Schedule($"source-{i}", default, TimeSpan.FromMilliseconds(250));

        Assert.True(_revisits.IsPending($"source-{Revisits.MaxPending - 1}"));
        Assert.False(_revisits.IsPending($"source-{Revisits.MaxPending}"));
    }
}
