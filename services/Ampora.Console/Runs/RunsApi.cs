using System.Text.RegularExpressions;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Database;
using Ampora.Store;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Runs;

/// <summary>Runs, newest first.</summary>
internal static partial class RunsApi
{
    private const string List = "runs";

    private static readonly string[] Triggers = ["webhook", "poll", "manual", "initial"];
    private static readonly string[] Outcomes = ["succeeded", "failed"];

    public static void MapRuns(this IEndpointRouteBuilder api)
    {
        var runs = api.MapGroup("/git").WithTags("Runs").RequireAuthorization(Role.PolicyOf(Role.Viewer));
        runs.MapGet("/sources/{id}/runs", ListAsync);
        runs.MapGet("/runs/{runId}", ReadAsync);
    }

    private static async Task<Ok<PageOf<RunView>>> ListAsync(
        string id, [AsParameters] PageQuery page, string? trigger, string? outcome, Caller caller, Database<StoreContext> database,
        CancellationToken cancellationToken)
    {
        RequireOneOf("trigger", trigger, Triggers);
        RequireOneOf("outcome", outcome, Outcomes);
        await using var context = database.Read();
        await caller.RequireSourceAsync(context, id, cancellationToken);
        var runs = context.Runs.AsNoTracking().Where(r => r.SourceId == id);
        if (!string.IsNullOrEmpty(trigger))
            runs = runs.Where(r => r.Trigger == trigger);
        if (!string.IsNullOrEmpty(outcome))
            runs = runs.Where(r => r.Outcome == outcome);
        if (page.ReadNumberCursor(List) is { } before)
            runs = runs.Where(r => r.Sequence < before);
        var read = await runs.OrderByDescending(r => r.Sequence).Take(page.ReadLimit() + 1).ToListAsync(cancellationToken);
        var (rows, next) = page.Cut(List, read, r => PageQuery.Number(r.Sequence));
        return TypedResults.Ok(new PageOf<RunView>(await RunReader.ShowAsync(context, rows, RunReader.TriggersInList, cancellationToken), next));
    }

    private static async Task<Ok<RunView>> ReadAsync(string runId, Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        if (!RunId().IsMatch(runId))
            throw RequestRefusedException.NoRun();
        await using var context = database.Read();
        var run = await context.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.Id == runId, cancellationToken);
        if (run is null || !await caller.Scope.Apply(context.Sources).AnyAsync(s => s.Id == run.SourceId, cancellationToken))
            throw RequestRefusedException.NoRun();
        return TypedResults.Ok((await RunReader.ShowAsync(context, [run], RunReader.TriggersOfOne, cancellationToken))[0]);
    }

    private static void RequireOneOf(string parameter, string? value, string[] words)
    {
        if (!string.IsNullOrEmpty(value) && !words.Contains(value))
            throw RequestRefusedException.BadQuery(parameter, $"should be one of {string.Join(", ", words)}.");
    }

    [GeneratedRegex(@"\Arun_[0-9a-f]{32}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RunId();
}
