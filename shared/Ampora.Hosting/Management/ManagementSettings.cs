using System.ComponentModel.DataAnnotations;

namespace Ampora.Hosting.Management;

/// <summary>The management port: <c>Ampora__Management__…</c>.</summary>
internal sealed class ManagementSettings
{
    /// <summary>Where detailed health and metrics are answered; never to be published. 0 turns it off.</summary>
    [Range(0, 65535, ErrorMessage = "it should be a port from 1 to 65535, or 0 for none.")]
    public int Port { get; set; } = 9464;
}
