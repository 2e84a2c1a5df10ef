using Ampora.Console.Access;
using Ampora.Console.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Ampora.Console.SourceTests;

/// <summary>Tries settings of a source before they are stored.</summary>
internal static class SourceTestsApi
{
    public static void MapSourceTests(this IEndpointRouteBuilder api) =>
        api.MapGroup("/git").WithTags("Sources").RequireAuthorization(Role.PolicyOf(Role.Operator))
            .MapPost("/source-tests", RunAsync).Accepts<SourceTestBody>("application/json")
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithSummary("Tries URL, ref and credential, and says what to do about what does not work. Nothing is stored.");

    private static async Task<Ok<SourceTestView>> RunAsync(Caller caller, SourceTester tester, HttpRequest request, CancellationToken cancellationToken)
    {
        using var json = await JsonInput.ReadAsync(request, optional: false, cancellationToken);
        return TypedResults.Ok(await tester.RunAsync(caller, SourceTestInput.Read(json.RootElement), cancellationToken));
    }
}
