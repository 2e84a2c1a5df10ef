namespace Ampora.Webhooks.Verifying;

/// <summary>How a header of credentials came.</summary>
internal enum HeaderState
{
    /// <summary>Not at all.</summary>
    Missing,

    /// <summary>With nothing in it.</summary>
    Empty,

    /// <summary>More than once: which one a proxy in front has looked at is unknown, so there is no choice to make.</summary>
    Repeated,

    /// <summary>With something that it never holds.</summary>
    Malformed,

    /// <summary>As it should.</summary>
    Readable,
}
