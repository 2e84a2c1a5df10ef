namespace Ampora.Hosting.Settings;

/// <summary>A start that missing or bad settings stopped.</summary>
public sealed class SettingsException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="problems">Every problem found: which setting, what is wrong, what it should be.</param>
    public SettingsException(IReadOnlyList<string> problems)
        : base(string.Join(Environment.NewLine, problems))
    {
        Problems = problems;
    }

    /// <summary>Every problem found: which setting, what is wrong, what it should be; never a secret.</summary>
    public IReadOnlyList<string> Problems { get; }
}
