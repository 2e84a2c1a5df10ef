namespace Ampora.Chaos;

/// <summary>A commit that was made the tip of a source's branch.</summary>
/// <param name="Source">The source.</param>
/// <param name="Sha">The commit.</param>
/// <param name="At">When the push had been done.</param>
public sealed record Push(string Source, string Sha, DateTimeOffset At);

/// <summary>One sending of a webhook; a resending is another.</summary>
/// <param name="Kind"><c>github</c> or <c>token</c>.</param>
/// <param name="Source">The source.</param>
/// <param name="Sha">The commit that had been pushed when it was sent.</param>
/// <param name="SenderId">The sender's own id of the delivery, the same for each sending of it.</param>
/// <param name="At">When it was sent.</param>
/// <param name="Status">The answer's status; null: there was none.</param>
/// <param name="DeliveryId">The id in a 202.</param>
/// <param name="Verdict">The verdict in a 202.</param>
/// <param name="RetryAfter">Whether a 503 said when to come again.</param>
/// <param name="Detail">What else there is to say of the answer, or why there was none.</param>
public sealed record Webhook(
    string Kind, string Source, string Sha, string SenderId, DateTimeOffset At, int? Status, string? DeliveryId, string? Verdict, bool RetryAfter, string? Detail);

/// <summary>Something that somebody asked of the API, and that is in the audit log once if it was done.</summary>
/// <param name="Source">The source.</param>
/// <param name="Action">The audit log's name of it, such as <c>source.changed</c>.</param>
/// <param name="Mark">What tells this one from others, in the entry's detail; null where only the subject does.</param>
/// <param name="At">When it was asked.</param>
/// <param name="Status">The answer's status; null: there was none.</param>
/// <param name="Detail">What else there is to say of the answer, or why there was none.</param>
public sealed record Act(string Source, string Action, string? Mark, DateTimeOffset At, int? Status, string? Detail);

/// <summary>What was done to a process.</summary>
/// <param name="What"><c>kill</c>, <c>pause</c>, <c>restart</c> or <c>starve</c>.</param>
/// <param name="Whom">A service, <c>broker</c> or <c>database</c>.</param>
/// <param name="At">When.</param>
/// <param name="Detail">Which replica, how long.</param>
public sealed record Fault(string What, string Whom, DateTimeOffset At, string? Detail);

/// <summary>All that was attempted, how it was answered, and what was done to the processes meanwhile. Safe for concurrent use.</summary>
public sealed class Journal
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Func<Task<string?>>> _repositories = [];
    private readonly HashSet<string> _forged = [];
    private readonly List<Push> _pushes = [];
    private readonly List<Webhook> _webhooks = [];
    private readonly List<Act> _acts = [];
    private readonly List<Fault> _faults = [];

    /// <summary>The sources that the journal is about.</summary>
    public IReadOnlyCollection<string> Sources
    {
        get
        {
            lock (_lock)
                return [.. _repositories.Keys];
        }
    }

    public IReadOnlyList<Push> Pushes => Copy(_pushes);

    public IReadOnlyList<Webhook> Webhooks => Copy(_webhooks);

    public IReadOnlyList<Act> Acts => Copy(_acts);

    public IReadOnlyList<Fault> Faults => Copy(_faults);

    /// <summary>Names a source, and how to ask its repository for the tip that the source has to have in the end.</summary>
    public void Follow(string source, Func<Task<string?>> tip)
    {
        lock (_lock)
            _repositories.Add(source, tip);
    }

    /// <summary>A commit is the tip of a source's branch now. Those of one source are told in their order.</summary>
    public void Pushed(string source, string sha) => Add(_pushes, new Push(source, sha, TimeProvider.System.GetUtcNow()));

    public void Sent(Webhook webhook) => Add(_webhooks, webhook);

    /// <summary>From here on, somebody sends webhooks with a wrong secret to a source.</summary>
    public void Forging(string source)
    {
        lock (_lock)
            _forged.Add(source);
    }

    /// <summary>Whether somebody sent webhooks with a wrong secret to a source.</summary>
    public bool IsForged(string source)
    {
        lock (_lock)
            return _forged.Contains(source);
    }

    public void Acted(Act act) => Add(_acts, act);

    /// <summary>Something was done to a process.</summary>
    /// <param name="what"><c>kill</c>, <c>pause</c>, <c>restart</c> or <c>starve</c>, or whatever it is.</param>
    /// <param name="whom">A service, <c>broker</c> or <c>database</c>.</param>
    /// <param name="detail">Which replica, how long.</param>
    public void Faulted(string what, string whom, string? detail = null) => Add(_faults, new Fault(what, whom, TimeProvider.System.GetUtcNow(), detail));

    /// <summary>Asks a source's repository for its tip.</summary>
    public Task<string?> TipAsync(string source)
    {
        Func<Task<string?>> tip;
        lock (_lock)
            tip = _repositories[source];
        return tip();
    }

    private void Add<T>(List<T> list, T item)
    {
        lock (_lock)
            list.Add(item);
    }

    private List<T> Copy<T>(List<T> list)
    {
        lock (_lock)
            return [.. list];
    }
}
