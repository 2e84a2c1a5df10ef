using System.Net;

namespace Ampora.Git.Tests;

/// <summary>Where Git connections may go.</summary>
public sealed class AddressPolicySpecs
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.9.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("::127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("::")]
    [InlineData("169.254.169.254")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("fd00:ec2::254")]
    [InlineData("100.100.100.200")]
    [InlineData("fe80::1%1")]
    [InlineData("224.0.0.1")]
    [InlineData("ff02::1")]
    [InlineData("255.255.255.255")]
    public void Denied_by_default(string address) => Assert.NotNull(new AddressPolicy(new GitLimits()).FindProblem(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("172.16.0.1")]
    [InlineData("140.82.121.3")]
    [InlineData("2606:50c0:8000::153")]
    [InlineData("fd12:3456::1")]
    [InlineData("::ffff:10.0.0.1")]
    public void Allowed_by_default(string address) => Assert.Null(new AddressPolicy(new GitLimits()).FindProblem(IPAddress.Parse(address)));

    [Fact]
    public void In_development_loopback_is_allowed_and_metadata_is_not()
    {
        var policy = new AddressPolicy(new GitLimits()) { AllowLoopback = true };

        Assert.Null(policy.FindProblem(IPAddress.Loopback));
        Assert.Null(policy.FindProblem(IPAddress.IPv6Loopback));
        Assert.NotNull(policy.FindProblem(IPAddress.Parse("169.254.169.254")));
        Assert.NotNull(policy.FindProblem(IPAddress.Any));
    }

    [Fact]
    public void Networks_can_be_allowed_and_denied_and_denial_wins()
    {
        var policy = new AddressPolicy(new GitLimits { AllowedNetworks = "127.0.0.0/8; ::1", DeniedNetworks = "10.0.0.0/8, 127.0.0.9" });

        Assert.Null(policy.FindProblem(IPAddress.Parse("127.0.0.1")));
        Assert.Null(policy.FindProblem(IPAddress.IPv6Loopback));
        Assert.Contains("DeniedNetworks", policy.FindProblem(IPAddress.Parse("10.1.1.1")), StringComparison.Ordinal);
        Assert.Contains("DeniedNetworks", policy.FindProblem(IPAddress.Parse("::ffff:10.1.1.1")), StringComparison.Ordinal);
        Assert.NotNull(policy.FindProblem(IPAddress.Parse("127.0.0.9")));
        Assert.Null(policy.FindProblem(IPAddress.Parse("11.0.0.1")));
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest", true)]
    [InlineData("http://[::ffff:169.254.169.254]/x", true)]
    [InlineData("http://0.0.0.0/x", true)]
    [InlineData("http://127.0.0.1:5432/x", true)]
    [InlineData("http://localhost/x", true)]
    [InlineData("http://git.localhost./x", true)]
    [InlineData("http://10.0.0.1/x", false)]
    [InlineData("http://git.example.com/x", false)]
    public void A_url_whose_host_is_a_denied_address_is_found_before_connecting(string text, bool denied)
    {
        Assert.Null(GitUrl.TryParse(text, out var url));
        Assert.Equal(denied, new AddressPolicy(new GitLimits()).FindProblem(url!) is not null);
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("intranet")]
    public void A_list_that_cannot_be_read_is_a_bad_setting(string networks)
    {
        var limits = new GitLimits { AllowedNetworks = networks };
        var problems = new List<System.ComponentModel.DataAnnotations.ValidationResult>();

        Assert.False(System.ComponentModel.DataAnnotations.Validator.TryValidateObject(limits, new(limits), problems, validateAllProperties: true));
        Assert.Equal(["AllowedNetworks"], Assert.Single(problems).MemberNames);
    }
}
