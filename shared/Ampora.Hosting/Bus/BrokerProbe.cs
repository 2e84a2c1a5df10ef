using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Finds out whether the broker would serve and, if not, why, in words that say what to do: with a connection of its own, since MassTransit tells a
/// wrong password from a broker that is away in no place that can be asked.
/// </summary>
internal sealed class BrokerProbe(BrokerAddress broker)
{
    // An open port is not enough, a paused process has that too.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <summary>What was wrong when it was last asked; null when nothing was.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Forgets what was wrong.</summary>
    public void Clear() => Trouble = null;

    /// <summary>Connects and leaves again.</summary>
    /// <returns>Whether the broker lets this service in.</returns>
    public async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        var objections = SslPolicyErrors.None;
        var factory = new ConnectionFactory
        {
            HostName = broker.Host,
            Port = broker.Port,
            VirtualHost = broker.VirtualHost,
            UserName = broker.Username,
            Password = broker.Password,
            ClientProvidedName = "ampora-probe",
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = Deadline,
            HandshakeContinuationTimeout = Deadline,
            ContinuationTimeout = Deadline,
            Ssl = new SslOption
            {
                Enabled = broker.Tls,
                ServerName = broker.Host,
                // As without it; the exception does not say what is wrong.
                CertificateValidationCallback = (_, _, _, errors) => (objections = errors) == SslPolicyErrors.None,
            },
        };
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(2 * Deadline);
        try
        {
            await using var connection = await factory.CreateConnectionAsync(deadline.Token);
            // Whether the virtual host is there, the client learns only with the first channel.
            await using var channel = await connection.CreateChannelAsync(cancellationToken: deadline.Token);
            Trouble = null;
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Trouble = InWords(e, objections);
            return false;
        }
    }

    private string InWords(Exception failure, SslPolicyErrors objections)
    {
        foreach (var cause in CausesOf(failure))
        {
            switch (cause)
            {
                case AuthenticationFailureException or PossibleAuthenticationFailureException:
                    return $"it refuses the user {broker.Username}: put the right user and password into {BusRegistration.Setting}";
                case OperationInterruptedException { ShutdownReason: { ReplyCode: Constants.NotAllowed } reason }:
                    return $"it does not let {broker.Username} into the virtual host {broker.VirtualHost} ({reason.ReplyText}): make it and permit the user (rabbitmqctl add_vhost, set_permissions), or mend {BusRegistration.Setting}";
                case AuthenticationException when objections != SslPolicyErrors.None:
                    return $"its certificate is not accepted ({objections}): it has to be for {broker.Host}, and from an authority that this machine trusts (SSL_CERT_FILE names a file with more of them)";
                case AuthenticationException tls:
                    return $"TLS fails: {tls.Message}";
                case SocketException socket:
                    return string.Create(CultureInfo.InvariantCulture, $"it cannot be reached, {socket.SocketErrorCode}");
            }
        }

        return "it does not answer";
    }

    // The client wraps what happened, in a group where it tried several addresses.
    private static IEnumerable<Exception> CausesOf(Exception failure)
    {
        IEnumerable<Exception> inner = failure is AggregateException several ? several.InnerExceptions : failure.InnerException is { } one ? [one] : [];
        return inner.SelectMany(CausesOf).Append(failure);
    }
}
