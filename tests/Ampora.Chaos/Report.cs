namespace Ampora.Chaos;

/// <summary>Something that must not be.</summary>
/// <param name="Kind">What it is about: <c>push</c>, <c>webhook</c>, <c>act</c>, <c>run</c> or <c>record</c>.</param>
/// <param name="What">What is wrong.</param>
public sealed record Finding(string Kind, string What);

/// <summary>What the checker found.</summary>
/// <param name="Lost">What was acknowledged or pushed, and has no effect.</param>
/// <param name="Duplicate">What had its effect more than once.</param>
/// <param name="Unexpected">What nobody asked for, or an answer that should not be given.</param>
/// <param name="Table">The journal as one table.</param>
public sealed record Report(IReadOnlyList<Finding> Lost, IReadOnlyList<Finding> Duplicate, IReadOnlyList<Finding> Unexpected, string Table)
{
    // Enough to see a pattern; the counts are in the table.
    private const int Shown = 25;

    public bool IsClean => Lost.Count + Duplicate.Count + Unexpected.Count == 0;

    /// <summary>Fails the test with everything that was found, unless that is nothing.</summary>
    /// <param name="more">What else helps to understand it, such as the processes' logs.</param>
    public void AssertClean(Func<string>? more = null)
    {
        if (!IsClean)
            Assert.Fail($"{this}\n{more?.Invoke()}");
    }

    public override string ToString() => string.Join('\n', [.. Lines("LOST", Lost), .. Lines("DUPLICATE", Duplicate), .. Lines("UNEXPECTED", Unexpected), Table]);

    private static IEnumerable<string> Lines(string name, IReadOnlyList<Finding> findings) =>
    [
        .. findings.Take(Shown).Select(f => $"{name} {f.Kind}: {f.What}"),
        .. findings.Count > Shown ? [$"{name}: {findings.Count - Shown} more"] : Array.Empty<string>(),
    ];
}
