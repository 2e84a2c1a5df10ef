using System.Diagnostics;
using System.Text;
using Ampora.Git.Protocol;
using FsCheck;
using FsCheck.Fluent;
using static Ampora.Git.Tests.HostileHost;

namespace Ampora.Git.Tests;

/// <summary>
/// Whatever bytes a server sends, in whatever pieces, the readers of the protocol end with an answer or a <see cref="GitException"/>, soon. A failure prints
/// the seed that makes it up again.
/// </summary>
public sealed class ProtocolFuzzSpecs
{
    private const string Id = "1111111111111111111111111111111111111111";
    private const string Long = "2222222222222222222222222222222222222222222222222222222222222222";

    private static readonly GitLimits Limits = new() { Refs = 1000, RefListBytes = 65_536 };
    private static readonly Capabilities Server = new(ObjectId.Sha1Digits, SendsObjectFormat: true, TellsUnborn: true, Filters: true, []);
    private static readonly string[] Names = ["main", "HEAD", "refs/heads/other", "tags/v1.*", Id];

    private static readonly string[] Genuine =
    [
        Packets("# service=git-upload-pack", "", "version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done filter", "server-option", "object-format=sha1", ""),
        Packets("version 2", "ls-refs", "fetch", "object-format=sha256", ""),
        Packets(Id + " HEAD symref-target:refs/heads/main", Id + " refs/heads/main", Id + " refs/tags/v1.2.3 peeled:" + Id, "unborn HEAD symref-target:refs/heads/main", ""),
        Packets("# service=git-upload-pack", "", Id + " HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1 agent=git/2.39.5", Id + " refs/heads/main", Id + " refs/tags/v1.2.3", Id + " refs/tags/v1.2.3^{}", "shallow " + Id, ""),
        Packets(Long + " HEAD\0object-format=sha256", Long + " refs/heads/größe", ""),
        Packets("version 1", Id + " capabilities^{}\0caps", ""),
        Packets("shallow-info", "shallow " + Id, "packfile"),
        Packets("ERR upload-pack: not our ref " + Id),
    ];

    private static readonly string[] Tokens = ["0000", "0001", "0002", "0003", "0004", "0005\n", "fff0", "fff1", "ffff", "zzzz", " ", "\0", "\n", "^{}", "ERR ", Id, Long, "peeled:", "symref-target:", "unborn ", "refs/tags/v1.99999999999999999999.0", "\u00ff"];

    private static Gen<byte[]> AnyBytes => ArbMap.Default.GeneratorFor<byte[]>().Select(bytes => bytes ?? []);

    private static Gen<byte[]> Damaged =>
        from original in Gen.Elements(Genuine)
        from count in Gen.Choose(0, 4)
        from damages in Gen.ListOf(
            from kind in Gen.Choose(0, 4)
            from at in Gen.Choose(0, 1 << 20)
            from value in Gen.Choose(0, 255)
            from token in Gen.Elements(Tokens)
            select (kind, at, value, token), count)
        select damages.Aggregate(Encoding.Latin1.GetBytes(original), (bytes, damage) => Damage(bytes, damage.kind, damage.at, damage.value, damage.token));

    private static Gen<(byte[] Bytes, int Piece)> Streams =>
        from bytes in Gen.Frequency((1, AnyBytes), (4, Damaged))
        from piece in Gen.Frequency((1, Gen.Constant(1)), (2, Gen.Choose(2, 9)), (1, Gen.Constant(100_000)))
        select (bytes, piece);

    [Fact]
    public void Packets_are_read_or_refused() => Holds(async reader =>
    {
        while (await reader.ReadAsync(default) != PacketKind.End)
            Assert.InRange(reader.Line.Length, 0, 65_516);
    });

    [Fact]
    public void Capabilities_are_read_or_refused() => Holds(reader => Capabilities.ReadAsync(reader, mayBeEmpty: true, default));

    [Fact]
    public void A_list_of_refs_is_read_or_refused() => Holds(async reader =>
    {
        var query = new RefQuery(Names);
        await RefList.ReadAsync(reader, Server, query, Limits, stopsAtFirst: false, default);
        Look(query);
    });

    [Fact]
    public void The_list_of_a_server_without_v2_is_read_or_refused() => Holds(async reader =>
    {
        if (await Capabilities.ReadAsync(reader, mayBeEmpty: true, default) is not null)
            return;
        var query = new RefQuery(Names);
        await RefList.ReadAdvertisementAsync(reader, query, Limits, default);
        Look(query);
    });

    [Fact]
    public void An_answer_about_a_commit_is_read_or_refused() => Holds(reader => CommitRequest.IsGrantedAsync(reader, default).AsTask());

    [Fact]
    public void The_pieces_that_bytes_come_in_make_no_difference() =>
        Check(Streams, stream => Assert.Equal(Read(stream.Bytes, 100_000), Read(stream.Bytes, stream.Piece)));

    [Fact]
    public void Genuine_answers_are_understood()
    {
        var query = new RefQuery(["main", "HEAD", "tags/v1.*"]);
        Run(Encoding.Latin1.GetBytes(Genuine[2]), 3, reader => RefList.ReadAsync(reader, Server, query, Limits, stopsAtFirst: false, default).AsTask());

        Assert.Equal(new Tip(Id, "refs/heads/main"), query.TipOf("HEAD"));
        Assert.Equal(new Tip(Id, "refs/heads/main"), query.TipOf("main"));
        Assert.Equal(new Tip(Id, "refs/tags/v1.2.3"), query.TipOf("tags/v1.*"));
    }

    // What was found is an id and a name, and what was not is told by a code.
    private static void Look(RefQuery query)
    {
        foreach (var name in Names)
        {
            try
            {
                Assert.True(ObjectId.IsValid(query.TipOf(name).Sha));
            }
            catch (GitException e)
            {
                Assert.Contains(e.Code, (string[])["ref_not_found", "empty_repository"]);
            }
        }
    }

    private static string Read(byte[] bytes, int piece)
    {
        var said = new StringBuilder();
        Run(bytes, piece, async reader =>
        {
            try
            {
                while (await reader.ReadAsync(default) is var kind && kind != PacketKind.End)
                    said.Append(kind).Append(reader.Text).Append('|');
            }
            catch (GitException e)
            {
                said.Append(e.Message);
            }
        });
        return said.ToString();
    }

    private static void Holds(Func<PacketReader, Task> read) => Check(Streams, stream => Run(stream.Bytes, stream.Piece, async reader =>
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await read(reader);
        }
        catch (GitException)
        {
            // As it should.
        }

        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 20);
    }));

    private static void Check<T>(Gen<T> values, Action<T> check) =>
        Prop.ForAll(values.ToArbitrary(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(300).WithQuietOnSuccess(true));

    // Everything is at hand, so nothing ever waits.
    private static void Run(byte[] bytes, int piece, Func<PacketReader, Task> read)
    {
        using var stream = new Pieces(bytes, piece);
        var reader = new PacketReader(stream, Limits.RefListBytes);
        var reading = read(reader);
        Assert.True(reading.IsCompleted);
        reading.GetAwaiter().GetResult();
        Assert.True(reader.DisposeAsync().AsTask().IsCompletedSuccessfully);
    }

    private static byte[] Damage(byte[] bytes, int kind, int at, int value, string token)
    {
        at %= bytes.Length + 1;
        var inserted = Encoding.Latin1.GetBytes(token);
        return kind switch
        {
            0 when at < bytes.Length => [.. bytes[..at], (byte)value, .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], .. inserted, .. bytes[at..]],
            2 => bytes[..at],
            3 => [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + value)..]],
            _ => [.. bytes[..at], .. bytes],
        };
    }

    private sealed class Pieces(byte[] bytes, int piece) : Stream
    {
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(Math.Min(piece, buffer.Length), bytes.Length - _at);
            bytes.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
