using System.Text.RegularExpressions;

namespace Ampora.Architecture.Tests;

/// <summary>
/// A migration only adds, so that processes of the release before go on over its schema: docs/decisions/0017-expand-then-contract-and-restoring.md. What takes
/// something away is named here, with the release whose processes no longer used it.
/// </summary>
public sealed partial class Migrations
{
    // Those that there were before the rule.
    private static readonly string[] Before = ["Initial", "Webhooks", "GitEngine"];

    // NAME = the release after the one that stopped using what it removes.
    private static readonly string[] Contractions = [];

    public static TheoryData<string> Files =>
        [.. Repository.Files(".cs", "shared/Ampora.Store/Migrations", "services/Ampora.Audit/Migrations").Where(path => !Before.Concat(Contractions).Contains(NameOf(path)))];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_migration_only_adds(string file) => Assert.Empty(Takes(Repository.Read(file)));

    [Theory]
    [InlineData("ALTER TABLE runs DROP COLUMN forced;", "DROP COLUMN")]
    [InlineData("DROP TABLE runs;", "DROP TABLE")]
    [InlineData("ALTER TABLE runs RENAME COLUMN sha TO commit_sha;", "RENAME")]
    [InlineData("ALTER TABLE new_runs RENAME TO runs;", "RENAME")]
    [InlineData("ALTER TABLE runs ALTER COLUMN sha SET NOT NULL;", "SET NOT NULL")]
    [InlineData("ALTER TABLE runs ALTER COLUMN added TYPE smallint;", "TYPE")]
    [InlineData("ALTER TABLE runs ADD COLUMN kind text NOT NULL;", "ADD COLUMN kind")]
    [InlineData("ALTER TABLE runs ADD COLUMN a text,\n ADD COLUMN b integer NOT NULL, ADD COLUMN c text;", "ADD COLUMN b")]
    [InlineData("ALTER TABLE runs ADD COLUMN kind text NOT NULL DEFAULT ''; ALTER TABLE runs ALTER COLUMN kind DROP DEFAULT;", "DROP DEFAULT")]
    [InlineData("ALTER TABLE runs ADD CONSTRAINT positive CHECK (added >= 0);", "ADD CONSTRAINT")]
    [InlineData("CREATE UNIQUE INDEX ix_runs_sha ON runs (sha);", "CREATE UNIQUE INDEX ix_runs_sha")]
    public void What_takes_something_away_is_found(string statement, string found) =>
        Assert.Contains(Takes(statement), taken => taken.StartsWith(found, StringComparison.Ordinal));

    [Theory]
    [InlineData("ALTER TABLE runs ADD COLUMN kind text;")]
    [InlineData("ALTER TABLE runs ADD COLUMN kind text NOT NULL DEFAULT '', ADD COLUMN other integer;")]
    [InlineData("CREATE TABLE more (id integer NOT NULL, CONSTRAINT pk_more PRIMARY KEY (id)); CREATE UNIQUE INDEX ix_more_id ON more (id);")]
    [InlineData("-- no DROP TABLE here\nCREATE INDEX ix_runs_sha ON runs (sha);")]
    public void What_only_adds_is_let_through(string statement) => Assert.Empty(Takes(statement));

    private static List<string> Takes(string text)
    {
        text = Comment().Replace(text, "");
        var made = Created().Matches(text).Select(match => match.Groups["table"].Value).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return
        [
            .. Taking().Matches(text).Select(match => match.Value),
            .. Added().Matches(text).Select(match => match.Value)
                .Where(column => column.Contains("NOT NULL", StringComparison.OrdinalIgnoreCase) && !column.Contains("DEFAULT", StringComparison.OrdinalIgnoreCase)),
            .. Unique().Matches(text).Where(match => !made.Contains(match.Groups["table"].Value)).Select(match => match.Value),
        ];
    }

    private static string NameOf(string path) => Dialect().Replace(Path.GetFileNameWithoutExtension(path), "");

    [GeneratedRegex("^(Postgres|Sqlite)")]
    private static partial Regex Dialect();

    [GeneratedRegex(@"(--|//).*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(?<table>\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex Created();

    [GeneratedRegex(@"\b(DROP\s+TABLE|DROP\s+COLUMN|DROP\s+VIEW|RENAME\s+(TO|COLUMN)|SET\s+NOT\s+NULL|DROP\s+DEFAULT|ADD\s+CONSTRAINT|(?<=ALTER\s+COLUMN\s+\w+\s+)(SET\s+DATA\s+)?TYPE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Taking();

    [GeneratedRegex(@"ADD\s+COLUMN\s+[^,;]*", RegexOptions.IgnoreCase)]
    private static partial Regex Added();

    [GeneratedRegex(@"CREATE\s+UNIQUE\s+INDEX\s+\w+\s+ON\s+(?<table>\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex Unique();
}
