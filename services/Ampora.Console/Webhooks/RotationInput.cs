using System.Text.Json;
using Ampora.Console.Http;
using Ampora.Store.Model;
using Ampora.Webhooks;

namespace Ampora.Console.Webhooks;

/// <summary>How a secret is to be rotated.</summary>
/// <param name="OverlapSeconds">How long the one that is replaced is accepted too; null: nothing was said.</param>
/// <param name="Signing">Whether GitLab is to sign with the new one.</param>
internal sealed record RotationInput(int? OverlapSeconds, bool Signing)
{
    /// <summary>Reads a rotation. Everything that is wrong is told at once.</summary>
    /// <param name="json">The request's object.</param>
    /// <param name="method">The method that the secret is for.</param>
    /// <param name="current">What there is; null for nothing.</param>
    public static RotationInput Read(JsonElement json, WebhookMethod method, IWebhookSecretRow? current)
    {
        var errors = new FieldErrors();
        var fields = new JsonFields(json, errors);
        var overlap = fields.Integer("overlapSeconds", 0, WebhookInput.MaxOverlapSeconds);
        var signing = fields.Boolean("signing");
        if (signing == true && method != WebhookMethod.GitLab)
            fields.Fail("signing", "Only GitLab has both kinds; for other methods leave it out.");
        fields.RefuseUnknown();
        errors.ThrowIfAny("invalid_rotation", "Invalid rotation");
        // Only a signing token of GitLab's is kept so that it can be recovered. One that is rotated stays one.
        return new RotationInput(overlap, signing ?? current?.SecretEncrypted is not null);
    }
}
