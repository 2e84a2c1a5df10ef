using System.Text;
using Ampora.Git.Fetching;

namespace Ampora.Git.Tests;

/// <summary>The reader of tree objects takes any bytes, in pieces of any size.</summary>
public sealed class DirectoryTextSpecs
{
    private const int IdBytes = 20;
    private const int MaxName = 64;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_bytes_are_a_directory_or_the_error_that_says_they_are_none()
    {
        var random = new Random(20261122);
        var valid = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = round % 4 == 0 ? Noise(random) : Mutate(Directory(random, out _), random);
            string[] once, pieces;
            try
            {
                once = await ReadAsync(new MemoryStream(bytes));
                valid++;
            }
            catch (GitException e)
            {
                Assert.Contains(e.Code, (string[])["fetch_failed", "limit_exceeded"]);
                Assert.Equal(e.Message, (await Assert.ThrowsAsync<GitException>(() => ReadAsync(new Dribble(bytes, random)))).Message);
                continue;
            }

            pieces = await ReadAsync(new Dribble(bytes, random));
            Assert.Equal(once, pieces);
        }

        Assert.InRange(valid, 1_000, 19_000);
    }

    [Fact]
    public async Task Entries_are_those_that_were_written_however_they_are_cut()
    {
        var random = new Random(4);
        for (var round = 0; round < 300; round++)
        {
            var bytes = Directory(random, out var expected);

            Assert.Equal(expected, await ReadAsync(new Dribble(bytes, random)));
        }
    }

    [Fact]
    public async Task A_name_without_an_end_is_given_up_at_the_limit_and_not_read()
    {
        var endless = new Endless(Encoding.ASCII.GetBytes("100644 "));

        var error = await Assert.ThrowsAsync<GitException>(() => ReadAsync(endless));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.InRange(endless.BytesRead, 1, 200_000);
    }

    private static async Task<string[]> ReadAsync(Stream stream)
    {
        var entries = new List<string>();
        await DirectoryText.ReadAsync(
            stream,
            IdBytes,
            MaxName,
            (mode, name, id) => entries.Add($"{Encoding.Latin1.GetString(mode)} {Encoding.Latin1.GetString(name)} {Convert.ToHexStringLower(id)}"),
            Cancelled);
        return [.. entries];
    }

    private static byte[] Directory(Random random, out string[] entries)
    {
        var said = new List<string>();
        using var bytes = new MemoryStream();
        for (var i = random.Next(6); i > 0; i--)
        {
            var mode = ((string[])["100644", "100755", "120000", "40000", "040000", "160000"])[random.Next(6)];
            var name = string.Concat(Enumerable.Range(0, random.Next(1, MaxName + 1)).Select(_ => (char)random.Next(1, 256)).Select(c => c == '/' ? ' ' : c));
            var id = new byte[IdBytes];
            random.NextBytes(id);
            bytes.Write(Encoding.Latin1.GetBytes($"{mode} {name}\0"));
            bytes.Write(id);
            said.Add($"{mode} {name} {Convert.ToHexStringLower(id)}");
        }

        entries = [.. said];
        return bytes.ToArray();
    }

    private static byte[] Noise(Random random)
    {
        var bytes = new byte[random.Next(200)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        var list = bytes.ToList();
        for (var i = random.Next(3); i > 0 && list.Count > 0; i--)
        {
            var at = random.Next(list.Count);
            switch (random.Next(4))
            {
                case 0: list[at] = (byte)random.Next(256); break;
                case 1: list.RemoveAt(at); break;
                case 2: list.Insert(at, (byte)(random.Next(3) * ' ')); break;
                default: list.RemoveRange(at, list.Count - at); break;
            }
        }

        return [.. list];
    }

    private sealed class Dribble(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, random.Next(1, 40))], cancellationToken);
    }

    private sealed class Endless(byte[] start) : MemoryStream(start)
    {
        public long BytesRead { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            if (read == 0)
            {
                buffer.Span.Fill((byte)'n');
                read = buffer.Length;
            }

            BytesRead += read;
            return read;
        }
    }
}
