using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ampora.Console.Audit;

/// <summary>JSON that is sent as it was stored, escape for escape: its text is part of an entry's hash, which an export must give anybody who computes it again.</summary>
/// <param name="Text">One value, on one line.</param>
[JsonConverter(typeof(Writer))]
internal readonly record struct VerbatimJson(string Text)
{
    private sealed class Writer : JsonConverter<VerbatimJson>
    {
        public override VerbatimJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("It is sent, never taken.");

        public override void Write(Utf8JsonWriter writer, VerbatimJson value, JsonSerializerOptions options) => writer.WriteRawValue(value.Text);
    }
}
