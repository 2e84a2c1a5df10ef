namespace Ampora.Hosting.Logging;

/// <summary>
/// The levels of a log that is quiet when all is well. They stand below every other setting, so <c>Logging__LogLevel__…</c> says otherwise.
/// </summary>
internal static class QuietLogs
{
    public static Dictionary<string, string?> Levels { get; } = new()
    {
        [Level("Default")] = "Warning",
        [Level("Ampora")] = "Information",
        // It warns that addresses are given twice, on purpose here; what else it says at this level is about bad requests, and they are answered.
        [Level("Microsoft.AspNetCore.Server.Kestrel")] = "Error",
        // A failing check would be logged each time that somebody looks; /healthz of the management port says it.
        [Level("Microsoft.Extensions.Diagnostics.HealthChecks")] = "None",
        // The connection's ups and downs are told once each by the watch of the bus, not at each attempt; a publish that failed is told by
        // whoever asked for it, a handler that failed only here.
        [Level("MassTransit")] = "None",
        [Level("MassTransit.ReceiveTransport")] = "Error",
        // Each failed probe and request would be a line; a replica that goes or comes is one.
        [Level("Yarp")] = "Error",
        [Level("Yarp.ReverseProxy.Health.DestinationHealthUpdater")] = "Information",
    };

    private static string Level(string category) => "Logging:LogLevel:" + category;
}
