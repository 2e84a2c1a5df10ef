using Yarp.ReverseProxy.Forwarder;

namespace Ampora.Gateway.Replicas;

/// <summary>
/// Gives a request that no byte of was read yet to another replica when the first takes no connection: a replica that was killed costs
/// nobody a webhook. What cannot be given to another is answered 503 with <c>Retry-After</c>, so that the sender may.
/// </summary>
internal sealed class AnotherReplica(RequestDelegate next)
{
    // With the connect timeout this stays within 2 s.
    private const int MaxAttempts = 2;

    public async Task InvokeAsync(HttpContext context)
    {
        var proxy = context.GetReverseProxyFeature();
        var body = context.Request.Body = new WatchedBody(context.Request.Body);
        var replicas = proxy.AvailableDestinations;
        for (var attempt = 1; ; attempt++)
        {
            await next(context);
            if (context.Features.Get<IForwarderErrorFeature>() is not { } failure || context.Response.HasStarted)
                return;
            var rest = replicas.Where(replica => replica != proxy.ProxiedDestination).ToArray();
            if (failure.Error != ForwarderError.Request || ((WatchedBody)body).WasRead || rest.Length == 0 || attempt == MaxAttempts || context.RequestAborted.IsCancellationRequested)
            {
                Answer(context, failure);
                return;
            }
            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.Clear();
            proxy.AvailableDestinations = replicas = rest;
        }
    }

    private static void Answer(HttpContext context, IForwarderErrorFeature failure)
    {
        if (failure.Error == ForwarderError.RequestCanceled)
            return;
        // The sender's own fault, said by the web server while the body was read: too large, too slow, malformed.
        for (var e = failure.Exception; e is not null; e = e.InnerException)
        {
            if (e is BadHttpRequestException bad)
            {
                context.Response.StatusCode = bad.StatusCode;
                return;
            }
        }
        if (failure.Error is ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled)
            return;
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
    }

    /// <summary>A body that remembers whether anybody has read of it.</summary>
    private sealed class WatchedBody(Stream body) : Stream
    {
        public bool WasRead { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            WasRead = true;
            return body.ReadAsync(buffer, cancellationToken);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            WasRead = true;
            return body.ReadAsync(buffer, offset, count, cancellationToken);
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            WasRead = true;
            return body.Read(buffer, offset, count);
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
