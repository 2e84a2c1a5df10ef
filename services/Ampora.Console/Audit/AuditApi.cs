using System.Text.Json;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using MassTransit;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Audit;

/// <summary>The audit log, asked for over the bus: it has a database, and a service, of its own.</summary>
internal static class AuditApi
{
    private const string List = "audit";
    private const int MaxFilterLength = 300;
    private const int ExportPage = 200;

    private static readonly byte[] NewLine = [(byte)'\n'];

    // A page is one index range; whoever waits longer waits for a service that is away.
    private static readonly TimeSpan QueryDeadline = TimeSpan.FromSeconds(10);

    // Verifying reads the whole chain. Audit gives up after 80 s and says so; the gateway waits 100 s for this answer.
    private static readonly TimeSpan VerifyDeadline = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    public static void AddClients(IBusRegistrationConfigurator bus)
    {
        bus.AddRequestClient<QueryAudit>(RequestTimeout.After(ms: (int)QueryDeadline.TotalMilliseconds));
        bus.AddRequestClient<VerifyAudit>(RequestTimeout.After(ms: (int)VerifyDeadline.TotalMilliseconds));
    }

    public static void MapAudit(this IEndpointRouteBuilder api)
    {
        var audit = api.MapGroup("/audit").WithTags("Audit").RequireAuthorization(Role.PolicyOf(Role.Viewer));
        audit.MapGet("", ListAsync);
        audit.MapGet("/verify", VerifyAsync);
        audit.MapGet("/export", ExportAsync).Produces(200, contentType: "application/x-ndjson");
    }

    private static async Task<Ok<PageOf<AuditEntryView>>> ListAsync(
        [AsParameters] PageQuery page, [AsParameters] AuditFilter filter, Caller caller, Database<StoreContext> database, IRequestClient<QueryAudit> audit,
        CancellationToken cancellationToken)
    {
        var query = filter.Read() with { Limit = page.ReadLimit(), After = page.ReadNumberCursor(List), Subjects = await SubjectsAsync(caller, database, cancellationToken) };
        if (query is { Subjects: { } visible, Subject: { } subject } && !visible.Contains(subject))
            return TypedResults.Ok(new PageOf<AuditEntryView>([], null));
        var answer = await AskAsync(audit, query, cancellationToken);
        var next = answer is { More: true, Items.Count: > 0 } ? PageQuery.Encode(List, PageQuery.Number(answer.Items[^1].AuditId)) : null;
        return TypedResults.Ok(new PageOf<AuditEntryView>([.. answer.Items.Select(AuditEntryView.Of)], next));
    }

    private static async Task<Ok<VerificationView>> VerifyAsync(Caller caller, IRequestClient<VerifyAudit> audit, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited("verifying the log");
        try
        {
            var answer = (await audit.GetResponse<AuditVerification>(new VerifyAudit(), cancellationToken)).Message;
            if (answer.Unfinished)
                throw TooLong(answer.Entries);
            return TypedResults.Ok(new VerificationView(answer.Ok, answer.Entries, answer.FirstBad, answer.Head, answer.RetiredThrough, answer.ExportedHeads));
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is RequestException or OperationCanceledException)
        {
            throw Unavailable();
        }
    }

    private static async Task<IResult> ExportAsync(
        [AsParameters] AuditFilter filter, Caller caller, IRequestClient<QueryAudit> audit, HttpResponse response, CancellationToken cancellationToken)
    {
        caller.RequireUnlimited("exporting the log");
        var query = filter.Read() with { Limit = ExportPage, OldestFirst = true };
        // The first page before the answer begins, so that a log that is away is a 503 and not an empty file.
        var page = await AskAsync(audit, query, cancellationToken);
        response.Headers.ContentDisposition = "attachment; filename=\"ampora-audit.ndjson\"";
        return Results.Stream(
            async output =>
            {
                while (true)
                {
                    foreach (var entry in page.Items)
                    {
                        await JsonSerializer.SerializeAsync(output, AuditEntryView.Of(entry), JsonSerializerOptions.Web, cancellationToken);
                        await output.WriteAsync(NewLine, cancellationToken);
                    }

                    await output.FlushAsync(cancellationToken);
                    if (!page.More || page.Items.Count == 0)
                        return;
                    // A failure here breaks the connection off, so that nobody takes half a log for a whole one.
                    page = await AskAsync(audit, query with { After = page.Items[^1].AuditId }, cancellationToken);
                }
            },
            "application/x-ndjson");
    }

    // What a limited token may see of the log: the entries about its sources. A deleted source's stay visible to a token that names it.
    private static async Task<IReadOnlyList<string>?> SubjectsAsync(Caller caller, Database<StoreContext> database, CancellationToken cancellationToken)
    {
        if (caller.Scope.IsUnlimited)
            return null;
        if (caller.Scope is { Sources: { } named, Labels: null })
            return [.. named.Select(id => $"source:{id}")];
        await using var context = database.Read();
        var ids = await caller.Scope.Apply(context.Sources).OrderBy(s => s.Id).Select(s => s.Id).Take(QueryAudit.MaxSubjects + 1).ToListAsync(cancellationToken);
        if (ids.Count > QueryAudit.MaxSubjects)
            throw RequestRefusedException.Forbidden($"This token's labels match more than {QueryAudit.MaxSubjects} sources; reading their log takes a token that is not limited.");
        return [.. ids.Select(id => $"source:{id}")];
    }

    private static async Task<AuditPage> AskAsync(IRequestClient<QueryAudit> audit, QueryAudit query, CancellationToken cancellationToken)
    {
        try
        {
            return (await audit.GetResponse<AuditPage>(query, cancellationToken)).Message;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is RequestException or OperationCanceledException)
        {
            throw Unavailable();
        }
    }

    private static RequestRefusedException Unavailable() => new(
        503, "audit_unavailable", "Audit log unavailable", "The audit service did not answer. Nothing is lost: what happens is recorded once it is back.")
    { RetryAfter = RetryAfter };

    private static RequestRefusedException TooLong(long entries) => new(
        503, "audit_verify_unfinished", "Audit log too long to verify in one request",
        $"The first {entries} entries are whole; there was no time for the others. Try again when the database is less busy, or verify an export.");

    /// <summary>Which entries.</summary>
    internal readonly struct AuditFilter
    {
        /// <summary>At or after this time.</summary>
        public string? From { get; init; }

        /// <summary>Before this time.</summary>
        public string? To { get; init; }

        /// <summary>Who, exactly: token:NAME, address:IP, system.</summary>
        public string? Actor { get; init; }

        /// <summary>What, exactly, or with .* at the end for all below it.</summary>
        public string? Action { get; init; }

        /// <summary>To what, exactly: source:ID, token:NAME.</summary>
        public string? Subject { get; init; }

        public QueryAudit Read() => new()
        {
            From = Time("from", From),
            To = Time("to", To),
            Actor = Text("actor", Actor),
            Action = Text("action", Action),
            Subject = Text("subject", Subject),
        };

        private static DateTimeOffset? Time(string name, string? text) =>
            string.IsNullOrEmpty(text) ? null
            : Timestamps.TryParse(text, out var time) ? time
            : throw RequestRefusedException.BadQuery(name, $"should be {Timestamps.Expected}, its '+' as %2B.");

        private static string? Text(string name, string? text) =>
            string.IsNullOrEmpty(text) ? null
            : text.Length <= MaxFilterLength && !text.Any(char.IsControl) ? text
            : throw RequestRefusedException.BadQuery(name, $"should have at most {MaxFilterLength} characters, and no control characters.");
    }
}

/// <summary>An entry of the audit log.</summary>
internal sealed record AuditEntryView(
    long AuditId,
    DateTime OccurredAt,
    DateTime RecordedAt,
    string Actor,
    string Action,
    string Subject,
    string? RemoteIp,
    long Count,
    string? RunId,
    VerbatimJson Detail,
    string Hash,
    Guid? MessageId)
{
    public static AuditEntryView Of(AuditEntry entry) => new(
        entry.AuditId,
        entry.OccurredAt.UtcDateTime,
        entry.RecordedAt.UtcDateTime,
        entry.Actor,
        entry.Action,
        entry.Subject,
        entry.RemoteIp,
        entry.Count,
        entry.RunId,
        new VerbatimJson(entry.DetailJson),
        entry.Hash,
        entry.MessageId);
}

/// <summary>What a check of the whole chain found.</summary>
/// <param name="Ok">Whether every entry is there and unchanged.</param>
/// <param name="Entries">How many entries were checked.</param>
/// <param name="FirstBad">The first that is not.</param>
/// <param name="Head">The hash of the last one.</param>
/// <param name="RetiredThrough">The last entry that retention has removed; 0 for none.</param>
/// <param name="ExportedHeads">How many exported heads were compared with the log.</param>
internal sealed record VerificationView(bool Ok, long Entries, long? FirstBad, string Head, long RetiredThrough, long ExportedHeads);
