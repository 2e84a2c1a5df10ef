using System.Diagnostics.CodeAnalysis;
using Xunit;

namespace Ampora.TestServers;

/// <summary>What a test does when a server that it needs is not installed.</summary>
public static class MissingServer
{
    /// <summary>Fails the test, or skips it when <c>AMPORA_TEST_WITHOUT_SERVERS=1</c> says that servers are not to be expected.</summary>
    /// <param name="message">What is missing, and how to provide it.</param>
    [DoesNotReturn]
    public static void SkipOrFail(string message)
    {
        if (Environment.GetEnvironmentVariable("AMPORA_TEST_WITHOUT_SERVERS") == "1")
            Assert.Skip(message);
        Assert.Fail($"{message} (AMPORA_TEST_WITHOUT_SERVERS=1 skips such tests.)");
    }
}
