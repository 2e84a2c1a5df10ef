using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Ampora.Console;

/// <summary>What <c>/openapi/v1.json</c> says besides the routes.</summary>
internal static class ApiDescription
{
    private const string Scheme = "apiToken";

    public static void Configure(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) => Describe(document));
        options.AddOperationTransformer((operation, context, _) =>
        {
            // Webhooks, in the same process or not, are authenticated in their own way.
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Any())
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Scheme, context.Document)] = [] }];
            return Task.CompletedTask;
        });
    }

    private static Task Describe(OpenApiDocument document)
    {
        document.Info.Title = "Ampora";
        document.Info.Version = "v1";
        document.Info.Description = "Sources, webhooks, runs, snapshots, the audit log and a live view. Lists take limit and cursor; errors are problem details with a code.";
        // Whoever reads this knows where it came from; an address behind a gateway would be wrong.
        document.Servers?.Clear();
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[Scheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An API token." };
        return Task.CompletedTask;
    }
}
