using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ampora.Store.Sql;

/// <summary>How rows travel as one JSON parameter: names as the columns', times as the dialect keeps them.</summary>
internal static class RowJson
{
    public static JsonSerializerOptions Postgres { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Converters = { new StorableText() } };

    public static JsonSerializerOptions Sqlite { get; } = new(Postgres) { Converters = { new Micros() } };

    private sealed class Micros : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            UnixMicroseconds.ToTime(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(UnixMicroseconds.From(value));
    }

    /// <summary>PostgreSQL's text cannot hold NUL, and refuses JSON that has one.</summary>
    private sealed class StorableText : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Replace('\0', '\ufffd'));
    }
}
