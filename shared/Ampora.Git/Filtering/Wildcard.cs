using System.Buffers;
using System.Collections;

namespace Ampora.Git.Filtering;

/// <summary>
/// A pattern with wildcards as git matches it (wildmatch): <c>*</c>, <c>?</c>, <c>[a-z]</c>, <c>[!x]</c>, <c>[[:digit:]]</c>, <c>\</c> before
/// what is meant itself, and <c>**</c> between slashes for any number of directories. All states that the pattern may be in are followed at
/// once, so that the time is at most the product of the two lengths; one that goes back to each star in turn can be made to take for ever.
/// </summary>
internal sealed class Wildcard
{
    // A pattern of a line's length has hardly more steps than this, and most have ten.
    private const int StepsOnStack = 256;

    private static readonly BitArray Anything = Bytes(_ => true);

    private static readonly BitArray NoSlash = Bytes(c => c != '/');

    private static readonly BitArray None = Bytes(_ => false);

    private readonly Step[] _steps;

    private Wildcard(Step[] steps) => _steps = steps;

    private enum Kind : byte
    {
        /// <summary>This one character.</summary>
        One,

        /// <summary>A character of the set.</summary>
        Set,

        /// <summary>Any number of characters of the set.</summary>
        Star,

        /// <summary>The two steps that follow, or none of them.</summary>
        Optional,
    }

    /// <summary>Reads a pattern; raw bytes in Latin-1.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="isPath">Whether a slash is matched only by a slash and by <c>**</c>.</param>
    public static Wildcard Parse(string pattern, bool isPath)
    {
        var steps = new List<Step>(pattern.Length);
        var any = isPath ? NoSlash : Anything;
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*':
                    var start = i;
                    while (i + 1 < pattern.Length && pattern[i + 1] == '*')
                        i++;
                    var next = pattern.AsSpan(i + 1);
                    var crosses = isPath && i > start && (start == 0 || pattern[start - 1] == '/')
                        && (next.IsEmpty || next[0] == '/' || next.StartsWith(@"\/", StringComparison.Ordinal));
                    if (crosses && next.StartsWith("/", StringComparison.Ordinal))
                        steps.Add(new Step(Kind.Optional));
                    steps.Add(new Step(Kind.Star, Set: crosses ? Anything : any));
                    break;
                case '?':
                    steps.Add(new Step(Kind.Set, Set: any));
                    break;
                case '[':
                    var set = ReadSet(pattern, ref i);
                    if (isPath)
                        set['/'] = false;
                    steps.Add(new Step(Kind.Set, Set: set));
                    break;
                case '\\' when i + 1 < pattern.Length:
                    steps.Add(new Step(Kind.One, pattern[++i]));
                    break;
                case '\\':
                    steps.Add(new Step(Kind.Set, Set: None));
                    break;
                case var c:
                    steps.Add(new Step(Kind.One, c));
                    break;
            }
        }

        return new Wildcard([.. steps]);
    }

    /// <summary>Whether the whole text matches.</summary>
    public bool Matches(ReadOnlySpan<char> text)
    {
        var count = _steps.Length + 1;
        var rented = count > StepsOnStack ? ArrayPool<bool>.Shared.Rent(2 * count) : null;
        var states = (rented ?? stackalloc bool[2 * count])[..(2 * count)];
        states.Clear();
        var now = states[..count];
        var next = states[count..];
        now[0] = true;
        var alive = true;
        for (var i = 0; alive && i < text.Length; i++)
        {
            alive = Advance(now, next, text[i]);
            var done = now;
            now = next;
            next = done;
            next.Clear();
        }

        var matches = alive && Ends(now);
        if (rented is not null)
            ArrayPool<bool>.Shared.Return(rented);
        return matches;
    }

    // One character further. Steps lead only forward, so one pass in order also takes the steps that need no character.
    private bool Advance(Span<bool> now, Span<bool> next, char c)
    {
        var alive = false;
        for (var i = 0; i < _steps.Length; i++)
        {
            if (!now[i])
                continue;
            var step = _steps[i];
            switch (step.Kind)
            {
                case Kind.One when c == step.Char:
                case Kind.Set when step.Set![c]:
                    next[i + 1] = alive = true;
                    break;
                case Kind.Star:
                    now[i + 1] = true;
                    if (step.Set![c])
                        next[i] = alive = true;
                    break;
                case Kind.Optional:
                    now[i + 1] = now[i + 3] = true;
                    break;
            }
        }

        return alive;
    }

    private bool Ends(Span<bool> now)
    {
        for (var i = 0; i < _steps.Length; i++)
        {
            if (!now[i])
                continue;
            if (_steps[i].Kind is Kind.Star or Kind.Optional)
                now[i + 1] = true;
            if (_steps[i].Kind == Kind.Optional)
                now[i + 3] = true;
        }

        return now[^1];
    }

    // From the bracket to the one that closes it; a set that is not closed, or names no known class, matches nothing.
    private static BitArray ReadSet(string pattern, ref int at)
    {
        var set = new BitArray(256);
        var i = at + 1;
        var negated = i < pattern.Length && pattern[i] is '!' or '^';
        if (negated)
            i++;
        int? previous = null;
        for (var first = true; first || At(i) != ']'; first = false)
        {
            if (At(i) is not { } c)
                return Nothing(pattern, ref at);
            if (c == '\\')
            {
                if (At(++i) is not { } escaped)
                    return Nothing(pattern, ref at);
                set[escaped] = true;
                previous = escaped;
            }
            else if (c == '-' && previous is { } from && At(i + 1) is { } to && to != ']')
            {
                i++;
                if (to == '\\')
                {
                    if (At(++i) is not { } escaped)
                        return Nothing(pattern, ref at);
                    to = escaped;
                }

                for (int b = from; b <= to; b++)
                    set[b] = true;
                previous = null;
            }
            else if (c == '[' && At(i + 1) == ':' && pattern.IndexOf(']', i + 2) is var close && (close < 0 || (close > i + 2 && pattern[close - 1] == ':')))
            {
                if (close < 0 || Class(pattern[(i + 2)..(close - 1)]) is not { } named)
                    return Nothing(pattern, ref at);
                set.Or(named);
                i = close;
                previous = null;
            }
            else
            {
                set[c] = true;
                previous = c;
            }

            i++;
        }

        at = i;
        return negated ? set.Not() : set;

        char? At(int index) => index < pattern.Length ? pattern[index] : null;
    }

    private static BitArray Nothing(string pattern, ref int at)
    {
        at = pattern.Length;
        return new BitArray(256);
    }

    // As the C locale has them: ASCII alone.
    private static BitArray? Class(string name) => name switch
    {
        "alnum" => Bytes(char.IsAsciiLetterOrDigit),
        "alpha" => Bytes(char.IsAsciiLetter),
        "blank" => Bytes(c => c is ' ' or '\t'),
        "cntrl" => Bytes(c => c is < ' ' or '\u007f'),
        "digit" => Bytes(char.IsAsciiDigit),
        "graph" => Bytes(c => c is > ' ' and < '\u007f'),
        "lower" => Bytes(char.IsAsciiLetterLower),
        "print" => Bytes(c => c is >= ' ' and < '\u007f'),
        "punct" => Bytes(c => c is > ' ' and < '\u007f' && !char.IsAsciiLetterOrDigit(c)),
        "space" => Bytes(c => c is ' ' or (>= '\t' and <= '\r')),
        "upper" => Bytes(char.IsAsciiLetterUpper),
        "xdigit" => Bytes(char.IsAsciiHexDigit),
        _ => null,
    };

    private static BitArray Bytes(Func<char, bool> contains)
    {
        var set = new BitArray(256);
        for (var c = '\0'; c < 256; c++)
            set[c] = contains(c);
        return set;
    }

    private readonly record struct Step(Kind Kind, char Char = '\0', BitArray? Set = null);
}
