using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Ampora.TestServers;

/// <summary>A file of a commit.</summary>
/// <param name="Path">Its path, UTF-8.</param>
/// <param name="Content">Its content; null removes it.</param>
/// <param name="Mode"><c>100644</c>, <c>100755</c>, <c>120000</c>, or <c>160000</c> with a commit's id as content.</param>
public sealed record GitFile(string Path, byte[]? Content, string Mode = "100644");

/// <summary>A repository of a <see cref="GitHttpServer"/>. All settings may change at run time.</summary>
public sealed class GitRepository : IDisposable
{
    private readonly ConcurrentQueue<GitRequest> _requests = new();
    private readonly ConcurrentDictionary<GitRequestKind, GitGate> _gates = new();
    private readonly SemaphoreSlim _writing = new(1);
    private long _time = 1_700_000_000;
    private StaleRefs? _stale;

    internal GitRepository(string path, string url)
    {
        FolderPath = path;
        Url = url;
    }

    /// <summary>The bare repository on disk.</summary>
    public string FolderPath { get; }

    /// <summary>Where it is served.</summary>
    public string Url { get; }

    /// <summary>The Authorization header that is required; null when everybody may read.</summary>
    public string? RequiredAuthorization { get; private set; }

    /// <summary>Answers as a server that has never heard of protocol v2.</summary>
    public bool OnlyProtocolV0 { get; set; }

    /// <summary>Accepts requests and never answers them.</summary>
    public bool Hangs { get; set; }

    /// <summary>Answers with a byte every ten seconds.</summary>
    public bool Drips { get; set; }

    /// <summary>Waits so long before each answer.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Answers every request with this status; null serves it.</summary>
    public int? FailWith { get; set; }

    /// <summary>The Retry-After header that goes with <see cref="FailWith"/>.</summary>
    public string? RetryAfter { get; set; }

    /// <summary>Redirects every request to this URL of a repository; null serves it.</summary>
    public string? RedirectTo { get; set; }

    /// <summary>The status that goes with <see cref="RedirectTo"/>.</summary>
    public int RedirectStatus { get; set; } = 301;

    /// <summary>Headers of every answer, such as those about rate limits.</summary>
    public IReadOnlyDictionary<string, string> AnswerHeaders { get; set; } = new Dictionary<string, string>();

    /// <summary>Every request so far, the refused ones too, oldest first.</summary>
    public IReadOnlyCollection<GitRequest> Requests => _requests.ToArray();

    /// <summary>How many requests of a kind came so far, the refused ones too.</summary>
    public int Count(GitRequestKind kind) => _requests.Count(request => request.Kind == kind);

    public void ForgetRequests() => _requests.Clear();

    public void RequireBasic(string username, string password) =>
        RequiredAuthorization = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"));

    public void RequireBearer(string token) => RequiredAuthorization = "Bearer " + token;

    public void RequireNothing() => RequiredAuthorization = null;

    /// <summary>Holds every request of a kind, before it is served, until the gate is opened.</summary>
    public GitGate Hold(GitRequestKind kind) => _gates[kind] = new GitGate(gate => _gates.TryRemove(new(kind, gate)));

    /// <summary>
    /// Goes on showing the refs as they are now, whatever is pushed meanwhile, for so many listings: a Git host whose replicas lag.
    /// The same listings whoever asks, so that no clock decides what a check sees.
    /// </summary>
    /// <param name="listings">How many times the refs are listed (<see cref="GitRequestKind.LsRefs"/>) before they are up to date again.</param>
    public async Task LagAsync(int listings)
    {
        _stale?.Dispose();
        _stale = await StaleRefs.TakeAsync(FolderPath, listings);
    }

    /// <summary>Commits files with text on top of <c>main</c>; null as content removes one.</summary>
    /// <returns>The commit's id.</returns>
    public Task<string> CommitAsync(params (string Path, string? Content)[] files) =>
        CommitAsync([.. files.Select(file => new GitFile(file.Path, file.Content is null ? null : Encoding.UTF8.GetBytes(file.Content)))]);

    /// <summary>Commits files on top of a branch.</summary>
    /// <param name="files">What changes.</param>
    /// <param name="branch">The branch; it is made when it is missing.</param>
    /// <param name="message">The commit's message.</param>
    /// <param name="parent">The parent where it is not the branch's tip: then the branch is forced.</param>
    /// <returns>The commit's id.</returns>
    public async Task<string> CommitAsync(
        IReadOnlyCollection<GitFile> files, string branch = "main", string? message = null, string? parent = null)
    {
        await _writing.WaitAsync();
        try
        {
            var time = Interlocked.Add(ref _time, 60).ToString(CultureInfo.InvariantCulture);
            parent ??= await TipAsync("refs/heads/" + branch);
            using var stream = new MemoryStream();
            Write(stream, $"commit refs/heads/{branch}\nmark :1\nauthor Ada Lovelace <ada@example.org> {time} +0100\n");
            Write(stream, $"committer Charles Babbage <charles@example.org> {time} +0100\n");
            WriteData(stream, Encoding.UTF8.GetBytes(message ?? $"Change {string.Join(", ", files.Select(file => file.Path).Take(3))}\n"));
            if (parent is not null)
                Write(stream, $"from {parent}\n");
            foreach (var file in files)
            {
                var path = "\"" + string.Concat(Encoding.UTF8.GetBytes(file.Path).Select(Quote)) + "\"";
                if (file.Content is null)
                {
                    Write(stream, $"D {path}\n");
                }
                else if (file.Mode == "160000")
                {
                    Write(stream, $"M 160000 {Encoding.ASCII.GetString(file.Content)} {path}\n");
                }
                else
                {
                    Write(stream, $"M {file.Mode} inline {path}\n");
                    WriteData(stream, file.Content);
                }
            }
            Write(stream, "get-mark :1\ndone\n");
            return (await GitProgram.RunAsync(FolderPath, ["fast-import", "--quiet", "--force", "--done"], stream.ToArray(), default)).Trim();
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Points a branch at any commit: a force-push.</summary>
    public Task ForcePushAsync(string sha, string branch = "main") => RunGitAsync("update-ref", "refs/heads/" + branch, sha);

    /// <summary>Makes an annotated tag.</summary>
    /// <returns>The id of the tag object, not of the commit.</returns>
    public async Task<string> TagAsync(string name, string sha, string message = "A release")
    {
        await RunGitAsync("tag", "--annotate", "--force", "--message", message, name, sha);
        return (await RunGitAsync("rev-parse", "refs/tags/" + name)).Trim();
    }

    /// <summary>Deletes a ref, given in full.</summary>
    public Task DeleteRefAsync(string refName) => RunGitAsync("update-ref", "-d", refName);

    /// <summary>The object that a ref, given in full, points at; null when it is missing.</summary>
    public async Task<string?> TipAsync(string refName = "refs/heads/main")
    {
        var sha = (await RunGitAsync("for-each-ref", "--format=%(objectname)", refName)).Trim();
        return sha.Length == 0 ? null : sha;
    }

    /// <summary>Runs git in the repository.</summary>
    /// <returns>Standard output, one char for each byte (Latin-1).</returns>
    public Task<string> RunGitAsync(params string[] arguments) => GitProgram.RunAsync(FolderPath, arguments, null, default);

    /// <summary>Runs git in the repository with something on its standard input.</summary>
    public Task<string> RunGitAsync(byte[] input, params string[] arguments) => GitProgram.RunAsync(FolderPath, arguments, input, default);

    public void Dispose()
    {
        _writing.Dispose();
        _stale?.Dispose();
    }

    internal async Task AnswerAsync(HttpContext context, string path, CancellationToken cancellationToken)
    {
        var (kind, prefix) = await GitBackend.TellAsync(context.Request, path, cancellationToken);
        var authorization = context.Request.Headers.Authorization.ToString();
        var protocol = context.Request.Headers["Git-Protocol"].ToString();
        _requests.Enqueue(new GitRequest(
            kind, path + context.Request.QueryString, authorization.Length == 0 ? null : authorization, protocol.Length == 0 ? null : protocol));
        if (_gates.TryGetValue(kind, out var gate))
            await gate.PassAsync(cancellationToken);
        if (Delay > TimeSpan.Zero)
            await Task.Delay(Delay, cancellationToken);
        if (Hangs)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        if (Drips)
            await DripAsync(context.Response, kind, cancellationToken);
        foreach (var (name, value) in AnswerHeaders)
            context.Response.Headers[name] = value;
        if (FailWith is { } status)
        {
            context.Response.StatusCode = status;
            if (RetryAfter is not null)
                context.Response.Headers.RetryAfter = RetryAfter;
        }
        else if (RedirectTo is not null)
        {
            context.Response.StatusCode = RedirectStatus;
            context.Response.Headers.Location = RedirectTo + path + context.Request.QueryString;
        }
        else if (RequiredAuthorization is not null && RequiredAuthorization != authorization)
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"Git\"";
        }
        else
        {
            var folder = kind == GitRequestKind.LsRefs && _stale?.TryList() == true ? _stale.FolderPath : FolderPath;
            await GitBackend.AnswerAsync(context, folder, path, prefix, OnlyProtocolV0 ? "" : protocol, cancellationToken);
        }
    }

    private static async Task DripAsync(HttpResponse response, GitRequestKind kind, CancellationToken cancellationToken)
    {
        response.ContentType = kind == GitRequestKind.InfoRefs ? "application/x-git-upload-pack-advertisement" : "application/x-git-upload-pack-result";
        while (true)
        {
            await response.Body.WriteAsync("0"u8.ToArray(), cancellationToken);
            await response.Body.FlushAsync(cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(10), cancellationToken);
        }
    }

    private static void Write(Stream stream, string text) => stream.Write(Encoding.UTF8.GetBytes(text));

    private static void WriteData(Stream stream, byte[] data)
    {
        Write(stream, $"data {data.Length}\n");
        stream.Write(data);
        Write(stream, "\n");
    }

    private static string Quote(byte value) => value is > 0x20 and < 0x7f and not (byte)'"' and not (byte)'\\'
        ? ((char)value).ToString()
        : "\\" + Convert.ToString(value, 8).PadLeft(3, '0');
}

/// <summary>Holds requests until it is opened.</summary>
public sealed class GitGate : IDisposable
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<GitGate> _remove;

    internal GitGate(Action<GitGate> remove) => _remove = remove;

    /// <summary>Completes when the first request is held.</summary>
    public Task Reached => _reached.Task;

    /// <summary>Lets the held requests and all later ones through.</summary>
    public void Open()
    {
        _remove(this);
        _opened.TrySetResult();
    }

    public void Dispose() => Open();

    internal Task PassAsync(CancellationToken cancellationToken)
    {
        _reached.TrySetResult();
        return _opened.Task.WaitAsync(cancellationToken);
    }
}
