using System.Net;
using Ampora.Hosting.Management;
using Ampora.Hosting.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Ampora.Hosting.Http;

/// <summary>Which addresses the process listens on: the public ones first, the management port last.</summary>
internal static class Listeners
{
    private const int DefaultPort = 8080;

    public static void Configure(WebApplicationBuilder builder, string service, ManagementSettings management)
    {
        var problems = SettingsProblems.Of(builder);
        var development = builder.Environment.IsDevelopment();
        var addresses = PublicAddresses(builder.Configuration, service, development, problems);
        // Listeners are given to Kestrel below; an address left here would be warned about and ignored.
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            [WebHostDefaults.ServerUrlsKey] = "",
            [WebHostDefaults.HttpPortsKey] = "",
            [WebHostDefaults.HttpsPortsKey] = "",
        });
        builder.WebHost.UseSockets(sockets => sockets.MaxReadBufferSize = HttpLimits.MaxRequestBufferBytes);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            HttpLimits.Apply(kestrel);
            foreach (var address in addresses)
                Listen(kestrel, address, options => options.Protocols = HttpProtocols.Http1);
            // A port that is none is reported by the check of the settings, which comes after the listeners are made.
            if (management.Port is > 0 and <= IPEndPoint.MaxPort)
            {
                // On a developer's machine nobody else need see it; in a container the network decides who does.
                var host = development ? IPAddress.Loopback : IPAddress.IPv6Any;
                Listen(kestrel, host, management.Port, options =>
                {
                    options.Protocols = HttpProtocols.Http1;
                    options.Use(next => connection =>
                    {
                        connection.Features.Set(ManagementConnection.Instance);
                        return next(connection);
                    });
                });
            }
        });
    }

    private static List<BindingAddress> PublicAddresses(ConfigurationManager configuration, string service, bool development, SettingsProblems problems)
    {
        var urls = configuration[WebHostDefaults.ServerUrlsKey];
        if (string.IsNullOrWhiteSpace(urls) && configuration[WebHostDefaults.HttpPortsKey] is { Length: > 0 } ports)
            urls = string.Join(';', ports.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(port => $"http://*:{port}"));
        if (string.IsNullOrWhiteSpace(urls))
        {
            // The first thing that a newcomer runs must not be open to the network.
            urls = service == ServiceHost.Standalone && development ? $"http://localhost:{DefaultPort}" : $"http://*:{DefaultPort}";
        }

        var addresses = new List<BindingAddress>();
        foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                var address = BindingAddress.Parse(url);
                if (address.Scheme != "http" || address.PathBase.Length > 0)
                    problems.Note($"ASPNETCORE_URLS: {url} should be like http://*:8080; for TLS set Ampora__Gateway__Certificate, for a prefix Ampora__Gateway__PathPrefix.");
                else
                    addresses.Add(address);
            }
            catch (FormatException)
            {
                problems.Note($"ASPNETCORE_URLS: {url} is no address; it should be like http://*:8080.");
            }
        }
        return addresses;
    }

    private static void Listen(KestrelServerOptions kestrel, BindingAddress address, Action<ListenOptions> configure)
    {
        if (address.IsUnixPipe)
            kestrel.ListenUnixSocket(address.UnixPipePath, configure);
        else if (address.Host == "localhost" && address.Port != 0)
            kestrel.ListenLocalhost(address.Port, configure);
        else if (address.Host == "localhost")
            kestrel.Listen(IPAddress.Loopback, 0, configure);
        else
            Listen(kestrel, IPAddress.TryParse(address.Host, out var ip) ? ip : IPAddress.IPv6Any, address.Port, configure);
    }

    private static void Listen(KestrelServerOptions kestrel, IPAddress ip, int port, Action<ListenOptions> configure)
    {
        // Any: IPv6 and IPv4 both, and IPv4 alone on a machine without IPv6.
        if (ip.Equals(IPAddress.IPv6Any))
            kestrel.ListenAnyIP(port, configure);
        else
            kestrel.Listen(ip, port, configure);
    }
}
