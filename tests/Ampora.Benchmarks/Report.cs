using System.Globalization;

namespace Ampora.Benchmarks;

/// <summary>Prints what was measured, a line for each promise, and remembers whether one was broken.</summary>
internal sealed class Report(TextWriter output)
{
    private int _broken;

    public void Title(string text) => output.WriteLine($"\n{text}");

    /// <summary>Something to know that promises nothing.</summary>
    public void Note(string text) => output.WriteLine($"      {text}");

    /// <summary>Compares two measurements; their ratio may be at most so much.</summary>
    public void Ratio(string what, (string Name, double Value) ours, (string Name, double Value) theirs, string unit, double atMost)
    {
        var ratio = ours.Value / theirs.Value;
        Line(
            ratio <= atMost,
            $"{what}: {ours.Name} {Number(ours.Value)} {unit}, {theirs.Name} {Number(theirs.Value)} {unit}, ratio {Readable(ratio)} (at most {Readable(atMost)})");
    }

    /// <summary>A measurement that may be at most so much.</summary>
    public void Limit(string what, double value, double atMost, string unit = "") =>
        Line(value <= atMost, $"{what}: {Number(value)}{(unit.Length > 0 ? " " : "")}{unit} (at most {Number(atMost)})");

    /// <summary>Says how it ended.</summary>
    /// <returns>The exit code.</returns>
    public int Finish()
    {
        output.WriteLine(_broken == 0 ? "\nEvery promise held." : $"\n{_broken} promises were broken.");
        return _broken == 0 ? 0 : 1;
    }

    private void Line(bool holds, string text)
    {
        output.WriteLine($"{(holds ? "ok   " : "BROKEN")} {text}");
        if (!holds)
            _broken++;
    }

    private static string Readable(double ratio) =>
        ratio < 1 ? $"1/{Number(1 / ratio)}" : Number(ratio);

    private static string Number(double value) => value.ToString(value < 10 ? "0.##" : value < 100 ? "0.#" : "0", CultureInfo.InvariantCulture);
}
