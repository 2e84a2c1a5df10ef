namespace Ampora.Webhooks;

/// <summary>What an event means to Ampora.</summary>
public enum EventKind
{
    /// <summary>Refs moved.</summary>
    Push,

    /// <summary>The Git host tests the connection.</summary>
    Ping,

    /// <summary>Anything else, which moves no ref.</summary>
    Other,
}
