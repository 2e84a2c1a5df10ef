using Ampora.Git.Signatures;

namespace Ampora.Git.Tests;

public sealed class AllowedSignersSpecs
{
    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0lfHlGEd2Gr7ZT1wDDTBQF4ra0hyc8QIpuLTs4ahF";

    [Theory]
    [InlineData("ada@example.org " + Key)]
    [InlineData("# a comment\r\n\r\nada@example.org\t" + Key + " Ada's laptop\r\n")]
    [InlineData("ada@example.org,*@example.com,!eve@example.com namespaces=\"git\" " + Key)]
    [InlineData("\"ada lovelace\" valid-after=\"20230101\",valid-before=\"20240101120000Z\" " + Key)]
    [InlineData("*@example.org cert-authority,namespaces=\"git,file\" " + Key)]
    [InlineData("ada@example.org CERT-AUTHORITY,valid-after=202301010000 " + Key)]
    public void Lines_of_the_format_are_accepted(string text) => Assert.Null(AllowedSigners.FindProblem(text));

    [Theory]
    [InlineData("", "names no signer")]
    [InlineData("# nobody\n\n", "names no signer")]
    [InlineData("# fine\nada@example.org", "Line 2 has no key type")]
    [InlineData("ada@example.org ssh-ed25519", "Line 1 has no valid key")]
    [InlineData("ada@example.org ssh-ed25519 AAAA", "Line 1 has no valid key")]
    [InlineData("ada@example.org ssh-ed25519 !!!!", "Line 1 has no valid key")]
    [InlineData("ada@example.org ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIHm0lfHlGEd2Gr7ZT1wDDTBQF4ra0hyc8QIpuLTs4ahF", "Line 1 has no valid key")]
    [InlineData(Key, "Line 1 begins with the key")]
    [InlineData(Key + " ada@example.org", "Line 1 begins with the key")]
    [InlineData("ada@example.org, grace@example.org " + Key, "Line 1 has an empty name")]
    [InlineData("ada@example.org ssh-dss AAAAB3NzaC1kc3MAAACBAP", "Line 1 has a key of a type that cannot sign")]
    [InlineData("ada@example.org no-pty " + Key, "Line 1 has something else than an option")]
    [InlineData("ada@example.org namespaces=git " + Key, "Line 1 gives namespaces no value")]
    [InlineData("ada@example.org cert-authority=yes " + Key, "Line 1 gives cert-authority a value")]
    [InlineData("ada@example.org valid-before=\"tomorrow\" " + Key, "Line 1 gives valid-before no time")]
    [InlineData("ada@example.org valid-before=\"20231399\" " + Key, "Line 1 gives valid-before no time")]
    [InlineData("ada@example.org valid-before=\"202301010000ZZ\" " + Key, "Line 1 gives valid-before no time")]
    [InlineData("\"ada@example.org " + Key, "Line 1 has a quotation mark without its pair")]
    [InlineData("ada@example.org " + Key + " \u001b[31m", "Line 1 contains a control character")]
    public void What_is_wrong_is_said_with_the_line(string text, string problem) =>
        Assert.Contains(problem, AllowedSigners.FindProblem(text), StringComparison.Ordinal);

    [Fact]
    public void A_private_key_is_refused_and_not_repeated()
    {
        var problem = AllowedSigners.FindProblem("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n");

        Assert.Contains("private key", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_has_its_limits()
    {
        Assert.Contains("lines", AllowedSigners.FindProblem(string.Concat(Enumerable.Repeat("ada@example.org " + Key + "\n", AllowedSigners.MaxLines + 1))), StringComparison.Ordinal);
        Assert.Contains("longer", AllowedSigners.FindProblem(new string('#', AllowedSigners.MaxLength + 1)), StringComparison.Ordinal);
    }
}
