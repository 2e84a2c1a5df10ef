using System.Data.Common;

namespace Ampora.Database;

/// <summary>The database has not been brought to the schema of this release yet; whoever tries again later succeeds.</summary>
/// <param name="reason">What is waited for.</param>
public sealed class DatabaseNotReadyException(string reason) : DbException(reason)
{
    /// <inheritdoc/>
    public override bool IsTransient => true;
}
