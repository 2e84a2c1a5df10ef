using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Ampora.TestServers;

/// <summary>Serves one request through <c>git http-backend</c> as CGI, streamed both ways.</summary>
internal static class GitBackend
{
    // Room for the first packet line, compressed or not.
    private const int PrefixBytes = 1024;

    /// <summary>Tells a request's kind; what was read of the body for that is returned, to be sent on.</summary>
    public static async Task<(GitRequestKind Kind, byte[] Prefix)> TellAsync(HttpRequest request, string path, CancellationToken cancellationToken)
    {
        if (path == "/info/refs")
            return (GitRequestKind.InfoRefs, []);
        if (path != "/git-upload-pack")
            return (GitRequestKind.Other, []);

        var buffer = new byte[PrefixBytes];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        var prefix = buffer[..length];
        var head = Encoding.ASCII.GetString(Head(prefix, request.Headers.ContentEncoding == "gzip"));
        var kind = head.StartsWith("command=ls-refs", StringComparison.Ordinal) ? GitRequestKind.LsRefs
            : head.StartsWith("command=fetch", StringComparison.Ordinal) || head.StartsWith("want ", StringComparison.Ordinal) ? GitRequestKind.Fetch
            : GitRequestKind.Other;
        return (kind, prefix);
    }

    public static async Task AnswerAsync(
        HttpContext context, string folder, string path, byte[] prefix, string protocol, CancellationToken cancellationToken)
    {
        var request = context.Request;
        var start = GitProgram.StartInfo(GitProgram.Backend, null);
        start.Environment["GIT_PROJECT_ROOT"] = folder;
        start.Environment["GIT_HTTP_EXPORT_ALL"] = "1";
        start.Environment["PATH_INFO"] = path;
        start.Environment["QUERY_STRING"] = request.QueryString.Value!.TrimStart('?');
        start.Environment["REQUEST_METHOD"] = request.Method;
        start.Environment["CONTENT_TYPE"] = request.ContentType ?? "";
        if (request.ContentLength is { } length)
            start.Environment["CONTENT_LENGTH"] = length.ToString(CultureInfo.InvariantCulture);
        if (request.Headers.ContentEncoding.Count > 0)
            start.Environment["HTTP_CONTENT_ENCODING"] = request.Headers.ContentEncoding.ToString();
        if (protocol.Length > 0)
            start.Environment["GIT_PROTOCOL"] = protocol;

        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var sending = SendAsync(process, prefix, request.Body, cancellationToken);
            await ReceiveAsync(process.StandardOutput.BaseStream, context.Response, cancellationToken);
            await sending;
            await errors;
            await process.WaitForExitAsync(cancellationToken);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static async Task SendAsync(Process process, byte[] prefix, Stream body, CancellationToken cancellationToken)
    {
        try
        {
            var input = process.StandardInput.BaseStream;
            await input.WriteAsync(prefix, cancellationToken);
            await body.CopyToAsync(input, cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The backend may answer, and end, before it has read everything.
        }
    }

    private static async Task ReceiveAsync(Stream output, HttpResponse response, CancellationToken cancellationToken)
    {
        var reader = new BufferedStream(output);
        while (ReadLine(reader) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = (line[..colon], line[(colon + 1)..].Trim());
            if (name == "Status")
                response.StatusCode = int.Parse(value.AsSpan(0, 3), CultureInfo.InvariantCulture);
            else
                response.Headers[name] = value;
        }
        var buffer = new byte[65536];
        int count;
        while ((count = await reader.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await response.Body.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            await response.Body.FlushAsync(cancellationToken);
        }
    }

    // The backend writes its headers at once, so reading them by the byte blocks no longer than it takes to start.
    private static string ReadLine(Stream stream)
    {
        var line = new StringBuilder();
        int value;
        while ((value = stream.ReadByte()) >= 0 && value != '\n')
            line.Append((char)value);
        return line.ToString().TrimEnd('\r');
    }

    private static byte[] Head(byte[] prefix, bool compressed)
    {
        const int sizeDigits = 4;
        var head = new byte[32];
        using Stream stream = compressed ? new GZipStream(new MemoryStream(prefix), CompressionMode.Decompress) : new MemoryStream(prefix);
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return length < sizeDigits ? [] : head[sizeDigits..length];
    }
}
