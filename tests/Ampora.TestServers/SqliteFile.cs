using Microsoft.Data.Sqlite;

namespace Ampora.TestServers;

/// <summary>A SQLite database in a folder of its own, removed at the end. The file is made by whoever opens it first.</summary>
public sealed class SqliteFile : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ampora-sqlite-");

    /// <summary>Where the file is.</summary>
    public string Path => System.IO.Path.Combine(_folder.FullName, "ampora.db");

    /// <summary>The connection string.</summary>
    public string ConnectionString => $"Data Source={Path}";

    /// <inheritdoc/>
    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        _folder.Delete(recursive: true);
    }
}
