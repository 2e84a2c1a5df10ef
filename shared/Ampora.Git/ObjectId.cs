using System.Buffers;

namespace Ampora.Git;

/// <summary>Names of objects: lower-case hexadecimal, 40 digits for SHA-1, 64 for SHA-256.</summary>
internal static class ObjectId
{
    public const int Sha1Digits = 40;

    public const int Sha256Digits = 64;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    public static bool IsValid(ReadOnlySpan<char> text) => text.Length is Sha1Digits or Sha256Digits && !text.ContainsAnyExcept(Digits);

    public static string Format(int digits) => digits == Sha256Digits ? "sha256" : "sha1";
}
