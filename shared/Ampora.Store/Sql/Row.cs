using System.Data.Common;
using Ampora.Database;

namespace Ampora.Store.Sql;

/// <summary>The row that a reader is on, with times and durations as the dialect keeps them.</summary>
internal readonly struct Row(DbDataReader reader, DatabaseDialect dialect)
{
    public string String(int column) => reader.GetString(column);

    public string? StringOrNull(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    public long Long(int column) => reader.GetInt64(column);

    public long? LongOrNull(int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    public int Int(int column) => reader.GetInt32(column);

    public double Double(int column) => reader.GetDouble(column);

    public bool Bool(int column) => reader.GetBoolean(column);

    public Guid Guid(int column) => reader.GetGuid(column);

    public byte[] Bytes(int column) => reader.GetFieldValue<byte[]>(column);

    public byte[]? BytesOrNull(int column) => reader.IsDBNull(column) ? null : Bytes(column);

    public DateTimeOffset Time(int column) => dialect == DatabaseDialect.Sqlite
        ? UnixMicroseconds.ToTime(reader.GetInt64(column))
        : reader.GetFieldValue<DateTimeOffset>(column);

    public DateTimeOffset? TimeOrNull(int column) => reader.IsDBNull(column) ? null : Time(column);

    public TimeSpan? SpanOrNull(int column) =>
        reader.IsDBNull(column) ? null
        : dialect == DatabaseDialect.Sqlite ? UnixMicroseconds.ToSpan(reader.GetInt64(column))
        : reader.GetFieldValue<TimeSpan>(column);
}
