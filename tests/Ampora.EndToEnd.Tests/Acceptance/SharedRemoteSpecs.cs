using Ampora.EndToEnd.Tests.Deployments;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>Many sources on one repository cost its host as little as one.</summary>
public abstract class SharedRemoteSpecs(Deployment deployment)
{
    private const int Sources = 50;

    // One reading serves all that wait for it; a claim that comes late may need one more.
    private const int MaxListings = 3;

    [Fact]
    public async Task One_push_to_fifty_sources_on_one_remote_lists_its_refs_three_times_at_most()
    {
        var remote = await SharedRemote.CreateAsync(deployment, Sources);
        for (var push = 0; push < 2; push++)
            Assert.InRange((await remote.PushAsync(Sources)).Listings, 1, MaxListings);
    }
}
