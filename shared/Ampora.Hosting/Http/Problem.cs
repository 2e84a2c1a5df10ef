using Microsoft.AspNetCore.Http;

namespace Ampora.Hosting.Http;

/// <summary>Errors as <c>application/problem+json</c> (RFC 9457) with a stable <c>code</c>.</summary>
public static class Problem
{
    /// <summary>Makes the answer to a request that failed.</summary>
    /// <param name="status">The HTTP status.</param>
    /// <param name="code">A stable snake_case name, listed in the documentation.</param>
    /// <param name="title">What happened, in a few words.</param>
    /// <param name="detail">How to mend it.</param>
    /// <param name="errors">For bad fields: each field's messages, by its name in the request.</param>
    public static IResult Because(int status, string code, string title, string detail, IDictionary<string, string[]>? errors = null)
    {
        var extensions = new Dictionary<string, object?> { ["code"] = code };
        if (errors is not null)
            extensions["errors"] = errors;
        return Results.Problem(detail, statusCode: status, title: title, extensions: extensions);
    }
}
