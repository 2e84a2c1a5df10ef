namespace Ampora.Database;

/// <summary>What a crash of the machine may take back.</summary>
public enum Durability
{
    /// <summary>Nothing: the commit is on the disk when it returns.</summary>
    Flushed,

    /// <summary>
    /// This commit, and then everything that was committed after it too: it goes to the disk with the next one that is flushed, in order. The end of the
    /// process alone takes nothing back.
    /// </summary>
    Deferred,
}

/// <summary>Statements that a transaction may need whatever its context.</summary>
public static class DatabaseStatements
{
    /// <summary>Makes a PostgreSQL transaction's commit <see cref="Durability.Deferred"/>; to be put before its first statement.</summary>
    public const string Deferred = "SET LOCAL synchronous_commit TO OFF;";
}
