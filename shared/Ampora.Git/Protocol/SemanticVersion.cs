using System.Diagnostics.CodeAnalysis;

namespace Ampora.Git.Protocol;

/// <summary>
/// A version by Semantic Versioning 2.0.0 (https://semver.org): numbers of any size, as tags with a date and time in them have; labels in the order of their
/// bytes; build metadata without a say.
/// </summary>
internal sealed class SemanticVersion : IComparable<SemanticVersion>
{
    private readonly string[] _numbers;
    private readonly string[] _labels;

    private SemanticVersion(string[] numbers, string[] labels) => (_numbers, _labels) = (numbers, labels);

    public bool IsPrerelease => _labels.Length > 0;

    public static bool TryParse(string text, [NotNullWhen(true)] out SemanticVersion? version)
    {
        version = null;
        var plus = text.IndexOf('+', StringComparison.Ordinal);
        if (plus >= 0 && !text[(plus + 1)..].Split('.').All(IsIdentifier))
            return false;
        var precedence = plus < 0 ? text : text[..plus];
        var dash = precedence.IndexOf('-', StringComparison.Ordinal);
        var numbers = (dash < 0 ? precedence : precedence[..dash]).Split('.');
        string[] labels = dash < 0 ? [] : precedence[(dash + 1)..].Split('.');
        if (numbers.Length != 3 || !numbers.All(IsNumber) || !labels.All(label => IsIdentifier(label) && (!IsDigits(label) || IsNumber(label))))
            return false;
        version = new SemanticVersion(numbers, labels);
        return true;
    }

    public int CompareTo(SemanticVersion? other)
    {
        if (other is null)
            return 1;
        for (var i = 0; i < _numbers.Length; i++)
        {
            if (CompareNumbers(_numbers[i], other._numbers[i]) is var order and not 0)
                return order;
        }

        if (IsPrerelease != other.IsPrerelease)
            return IsPrerelease ? -1 : 1;
        for (var i = 0; i < _labels.Length && i < other._labels.Length; i++)
        {
            if (CompareLabels(_labels[i], other._labels[i]) is var order and not 0)
                return order;
        }

        return _labels.Length.CompareTo(other._labels.Length);
    }

    private static int CompareLabels(string a, string b) => (IsDigits(a), IsDigits(b)) switch
    {
        (true, true) => CompareNumbers(a, b),
        (true, false) => -1,
        (false, true) => 1,
        _ => string.CompareOrdinal(a, b),
    };

    // Without leading zeros the longer one is the larger.
    private static int CompareNumbers(string a, string b) => a.Length == b.Length ? string.CompareOrdinal(a, b) : a.Length.CompareTo(b.Length);

    private static bool IsNumber(string text) => IsDigits(text) && (text.Length == 1 || text[0] != '0');

    private static bool IsDigits(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    private static bool IsIdentifier(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
