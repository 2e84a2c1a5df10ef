namespace Ampora.Database;

/// <summary>A commit was sent to the database and its answer was lost; it may have happened or not.</summary>
/// <param name="inner">How the answer was lost.</param>
public sealed class CommitOutcomeUnknownException(Exception inner)
    : Exception("The connection was lost during the commit; whether it happened is unknown.", inner);
