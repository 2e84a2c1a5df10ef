namespace Ampora.Chaos.Processes;

/// <summary>Row 7: a sweeper dies between any two of its steps.</summary>
public sealed class SweeperKills(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    [Theory(Explicit = true)]
    [InlineData("claim")]
    [InlineData("tip")]
    [InlineData("fetch")]
    [InlineData("store")]
    [InlineData("commit:started")]
    [InlineData("commit")]
    [InlineData("publish")]
    public async Task Fault07_a_sweeper_killed_after_a_step(string step) =>
        await Scenario.RunAsync(deployment, context => context.DieAtAsync("sweeper", step));
}
