using System.Globalization;
using System.Text;

namespace Ampora.Webhooks.Payloads;

/// <summary>Gathers what a payload says, within bounds.</summary>
/// <param name="provider">The sender.</param>
/// <param name="eventName">The event as its headers name it.</param>
internal sealed class ContentBuilder(string provider, string? eventName)
{
    // Bitbucket and Azure DevOps put every ref of a push into one delivery; more are pushed only by mirrors, which then wakes every source.
    public const int MaxRefs = 1000;

    // A payload has five at most.
    public const int MaxUrls = 10;

    // GitLab's longest path, with all of its groups.
    private const int MaxName = 300;

    // One line of the ledger.
    private const int MaxRefsText = 200;

    private readonly List<RefChange> _refs = [];
    private readonly List<string> _urls = [];
    private bool _truncated;

    public string? Event { get; set; } = eventName;

    public EventKind Kind { get; set; } = EventKind.Other;

    public string? RepositoryName { get; set; }

    public string? DefaultBranch { get; set; }

    public string? SenderDeliveryId { get; set; }

    /// <summary>Adds a ref; one that cannot be read may be any.</summary>
    public void Add(RefChange? change)
    {
        if (change is null || _refs.Count >= MaxRefs)
            _truncated = true;
        else
            _refs.Add(change);
    }

    /// <summary>Says that refs moved that the payload does not list.</summary>
    public void Truncate() => _truncated = true;

    public void ForgetRefs()
    {
        _refs.Clear();
        _truncated = false;
    }

    /// <summary>Adds a URL; one that is no address of a repository names none.</summary>
    public void AddUrl(string? url)
    {
        if (url is not null && _urls.Count < MaxUrls && !_urls.Contains(url) && RepositoryAddress.KeyOf(url) is not null)
            _urls.Add(url);
    }

    public void ForgetRepository()
    {
        _urls.Clear();
        (RepositoryName, DefaultBranch) = (null, null);
    }

    public DeliveryContent Build() => new()
    {
        Provider = provider,
        Event = Shown(Event, PayloadReader.MaxEventLength),
        Kind = Kind,
        RepositoryUrls = _urls,
        RepositoryName = Shown(RepositoryName, MaxName),
        DefaultBranch = RefNames.Branch(DefaultBranch),
        Refs = Kind == EventKind.Push ? _refs : [],
        RefsTruncated = Kind == EventKind.Push && _truncated,
        SenderDeliveryId = SenderDeliveryId,
        RefsText = Kind == EventKind.Push ? Describe() : null,
    };

    private static string? Shown(string? text, int maxLength) => text is not null && OneLine.Of(text, maxLength) is { Length: > 0 } shown ? shown : null;

    private string? Describe()
    {
        if (_refs.Count == 0)
            return null;
        var text = new StringBuilder();
        var atLeast = _truncated ? "at least " : "";
        for (var i = 0; i < _refs.Count; i++)
        {
            var one = OneLine.Of(RefNames.FullName(_refs[i]), MaxRefsText) + (_refs[i].Deleted ? " (deleted)" : "");
            var rest = _refs.Count - i;
            var more = rest > 1 ? string.Create(CultureInfo.InvariantCulture, $", and {atLeast}{rest - 1} more") : "";
            var separator = i > 0 ? ", " : "";
            if (text.Length + separator.Length + one.Length + more.Length > MaxRefsText)
            {
                if (i == 0)
                    text.Append(OneLine.Of(one, MaxRefsText - more.Length)).Append(more);
                else
                    text.Append(CultureInfo.InvariantCulture, $", and {atLeast}{rest} more");
                break;
            }

            text.Append(separator).Append(one);
        }

        return text.ToString();
    }
}
