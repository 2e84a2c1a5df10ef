using Ampora.Database;
using Npgsql;

namespace Ampora.Audit.Model;

/// <summary>
/// As whom the audit database is opened. On PostgreSQL that can be three roles, so that neither a mistake nor an injected statement of one reaches further
/// than its work: the writer appends, the owner migrates and grants, retention retires. With one role, and on SQLite, the triggers alone stand in their place.
/// </summary>
/// <param name="Writer">Appends and reads.</param>
/// <param name="Owner">Owns the tables; null when the writer does, or when another start has migrated already.</param>
/// <param name="Retention">Retires; null when the writer does.</param>
internal sealed record AuditRoles(DatabaseAddress Writer, DatabaseAddress? Owner, DatabaseAddress? Retention)
{
    private const string WriterSetting = "ConnectionStrings__Audit";
    private const string OwnerSetting = "ConnectionStrings__AuditOwner";
    private const string RetentionSetting = "ConnectionStrings__AuditRetention";

    /// <summary>The writer's name in PostgreSQL.</summary>
    public string WriterName => NameOf(Writer);

    /// <summary>Retention's name in PostgreSQL; null when the writer retires.</summary>
    public string? RetentionName => Retention is null ? null : NameOf(Retention);

    /// <summary>Reads them from the settings.</summary>
    /// <param name="configuration">The settings.</param>
    /// <param name="roles">The roles, when nothing is wrong.</param>
    /// <returns>What is wrong, never with a value.</returns>
    public static IReadOnlyList<string> TryRead(IConfiguration configuration, out AuditRoles? roles)
    {
        roles = null;
        var problems = new List<string>();
        var writer = Read(WriterSetting, configuration.GetConnectionString("Audit"), problems);
        var owner = ReadOptional(OwnerSetting, configuration.GetConnectionString("AuditOwner"), problems);
        var retention = ReadOptional(RetentionSetting, configuration.GetConnectionString("AuditRetention"), problems);
        if (problems.Count > 0)
            return problems;

        (string Setting, DatabaseAddress Address)[] given = [.. new[] { (WriterSetting, writer!), (OwnerSetting, owner!), (RetentionSetting, retention!) }.Where(g => g.Item2 is not null)];
        if (given.Length > 1 && given.FirstOrDefault(g => g.Address.Dialect == DatabaseDialect.Sqlite) is { Setting: { } setting })
            return [$"{setting} is SQLite, which has no roles: leave {OwnerSetting} and {RetentionSetting} out, or give PostgreSQL in all of them"];
        for (var i = 0; i < given.Length; i++)
        {
            for (var j = i + 1; j < given.Length; j++)
            {
                if (NameOf(given[i].Address) == NameOf(given[j].Address))
                    problems.Add($"{given[i].Setting} and {given[j].Setting} have the same Username: give each a role of its own, or leave {given[j].Setting} out");
                if (Parts(given[i].Address).Database != Parts(given[j].Address).Database)
                    problems.Add($"{given[i].Setting} and {given[j].Setting} have different Databases: they should differ in Username and Password only");
            }
        }

        roles = problems.Count == 0 ? new AuditRoles(writer!, owner, retention) : null;
        return problems;
    }

    private static DatabaseAddress? ReadOptional(string setting, string? value, List<string> problems) =>
        string.IsNullOrWhiteSpace(value) ? null : Read(setting, value, problems);

    private static DatabaseAddress? Read(string setting, string? value, List<string> problems)
    {
        if (DatabaseAddress.TryParse(setting, value, out var address) is { } problem)
        {
            problems.Add(problem);
            return null;
        }

        try
        {
            if (address!.Dialect == DatabaseDialect.Postgres)
                _ = Parts(address);
            return address;
        }
        catch (ArgumentException)
        {
            problems.Add($"{setting} has a part that PostgreSQL does not know: it should be Host=…;Database=…;Username=…;Password=…");
            return null;
        }
    }

    private static string NameOf(DatabaseAddress address) => Parts(address).Username ?? Environment.UserName;

    private static NpgsqlConnectionStringBuilder Parts(DatabaseAddress address) => new(address.ConnectionString);
}
