namespace Ampora.Hosting.Management;

/// <summary>
/// Marks connections that came in on the management listener. The mark is set by the listener itself, so that neither a Host header
/// nor a port that is mapped elsewhere can pretend it.
/// </summary>
internal sealed class ManagementConnection
{
    public static ManagementConnection Instance { get; } = new();
}
