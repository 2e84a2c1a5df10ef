using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks;

/// <summary>What a request brought to prove who sent it. Tokens and passwords are hashed at once, so that nothing behind can log them.</summary>
public sealed class PresentedCredentials
{
    private PresentedCredentials()
    {
    }

    /// <summary>Whether a signature came that cannot be checked without the body. It depends on the request alone.</summary>
    public bool NeedsBody => throw new NotImplementedException();

    /// <summary>Takes the credentials from a request.</summary>
    /// <param name="headers">Its headers.</param>
    /// <param name="queryToken">The values of <c>?token=</c>, for senders that can set no header.</param>
    public static PresentedCredentials Of(IHeaderDictionary headers, StringValues queryToken) => throw new NotImplementedException();
}
