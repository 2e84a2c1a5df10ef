using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks.Verifying;

/// <summary>A token in a header or query: only its hash, so that nothing behind can log the value.</summary>
/// <param name="State">How it came.</param>
/// <param name="Hash">SHA-256 of what came, or of nothing.</param>
internal readonly record struct PresentedToken(HeaderState State, byte[] Hash)
{
    public bool Came => State is HeaderState.Readable or HeaderState.Repeated;

    public static PresentedToken Of(StringValues values)
    {
        var state = values.Count switch
        {
            0 => HeaderState.Missing,
            1 => string.IsNullOrEmpty(values[0]) ? HeaderState.Empty : HeaderState.Readable,
            _ => HeaderState.Repeated,
        };
        return new PresentedToken(state, SHA256.HashData(Encoding.UTF8.GetBytes(state == HeaderState.Readable ? values[0]! : "")));
    }
}
