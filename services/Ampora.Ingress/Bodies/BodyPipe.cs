using System.IO.Pipelines;

namespace Ampora.Ingress.Bodies;

/// <summary>Reads of a body that may end before the sender has sent more.</summary>
internal static class BodyPipe
{
    /// <summary>
    /// Reads the next piece. A token that is given to the server's reader leaves it unusable when it is set, for this request and for the connection; a read that is
    /// cancelled by the reader itself does not.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was set first.</exception>
    public static async ValueTask<ReadResult> ReadAsync(PipeReader body, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), body);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var read = await body.ReadAsync(CancellationToken.None);
            if (!read.IsCanceled)
                return read;
            // Or a cancellation that came too late for the read that it was meant for.
            body.AdvanceTo(read.Buffer.Start);
        }
    }
}
