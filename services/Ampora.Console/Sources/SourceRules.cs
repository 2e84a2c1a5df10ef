using System.Text.RegularExpressions;

namespace Ampora.Console.Sources;

/// <summary>What a source's fields may hold, where it is not Git that says so.</summary>
internal static partial class SourceRules
{
    /// <summary>A label is for choosing by, not for storing things in.</summary>
    public const int MaxLabels = 64;

    public const int MaxLabelKeyLength = 63;
    public const int MaxLabelValueLength = 255;
    public const int MaxDescriptionLength = 1000;
    public const int MaxOwnerLength = 200;
    public const int MaxPauseReasonLength = 500;

    public const int MinPollIntervalSeconds = 1;
    public const int MaxPollIntervalSeconds = 86_400;
    public const int DefaultPollIntervalSeconds = 60;

    /// <summary>The interval between polls stays as it is set.</summary>
    public const string Fixed = "fixed";

    /// <summary>The interval between polls stretches, up to an hour, while webhooks prove live.</summary>
    public const string Adaptive = "adaptive";

    public const string SlugForm = "It should be 1 to 63 lower-case letters, digits and dashes.";

    public static bool IsSlug(string text) => Slug().IsMatch(text);

    /// <returns>Null, or what is wrong.</returns>
    public static string? FindLabelKeyProblem(string key) =>
        LabelKey().IsMatch(key) ? null : $"A label's key should be 1 to {MaxLabelKeyLength} letters, digits and any of . _ / -";

    [GeneratedRegex(@"\A[a-z0-9-]{1,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Slug();

    [GeneratedRegex(@"\A[A-Za-z0-9._/-]{1,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex LabelKey();
}
