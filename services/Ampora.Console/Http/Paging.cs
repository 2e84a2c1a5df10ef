using System.Buffers.Text;
using System.ComponentModel;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Mvc;

namespace Ampora.Console.Http;

/// <summary>A page of a list.</summary>
/// <param name="Items">The items.</param>
/// <param name="Next">The cursor of the next page; null when this is the last.</param>
internal sealed record PageOf<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>Which page of a list is asked for. Texts, so that a bad one is answered like every other bad field.</summary>
internal readonly struct PageQuery
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 200;
    private const int MaxCursorLength = 512;

    /// <summary>How many items at most, 1 to 200; 50 unless given.</summary>
    [FromQuery(Name = "limit")]
    [Description("How many items at most, 1 to 200; 50 unless given.")]
    public string? Limit { get; init; }

    /// <summary>The next of the page before.</summary>
    [FromQuery(Name = "cursor")]
    [Description("The next of the page before.")]
    public string? Cursor { get; init; }

    /// <summary>How many items were asked for.</summary>
    public int ReadLimit()
    {
        if (string.IsNullOrEmpty(Limit))
            return DefaultLimit;
        if (int.TryParse(Limit, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit)
            return limit;
        throw RequestRefusedException.BadQuery("limit", $"should be a whole number from 1 to {MaxLimit}.");
    }

    /// <summary>The place after which the page begins; null for the first page.</summary>
    /// <param name="list">Which list the cursor must be of.</param>
    public string? ReadCursor(string list)
    {
        if (string.IsNullOrEmpty(Cursor))
            return null;
        var bytes = new byte[MaxCursorLength];
        if (Cursor.Length <= MaxCursorLength && Base64Url.IsValid(Cursor) && Base64Url.TryDecodeFromChars(Cursor, bytes, out var length))
        {
            var text = Encoding.UTF8.GetString(bytes, 0, length);
            if (text.StartsWith(list + ":", StringComparison.Ordinal) && !text.Any(char.IsControl))
                return text[(list.Length + 1)..];
        }

        throw BadCursor();
    }

    /// <summary>The number after which the page begins; null for the first page.</summary>
    public long? ReadNumberCursor(string list)
    {
        if (ReadCursor(list) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw BadCursor();
    }

    /// <summary>Cuts what was read, one more than asked for, to a page.</summary>
    /// <param name="list">Which list it is.</param>
    /// <param name="read">At most one row more than the limit.</param>
    /// <param name="place">A row's place in the list, for the cursor.</param>
    public (IReadOnlyList<TRow> Rows, string? Next) Cut<TRow>(string list, List<TRow> read, Func<TRow, string> place)
    {
        var limit = ReadLimit();
        return read.Count <= limit ? (read, null) : (read[..limit], Encode(list, place(read[limit - 1])));
    }

    /// <summary>A number as a place in a list.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    public static string Encode(string list, string place) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{list}:{place}"));

    public static RequestRefusedException BadCursor() => RequestRefusedException.BadQuery("cursor", "should be the 'next' of an earlier page of this list.");
}
