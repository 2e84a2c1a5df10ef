namespace Ampora.Webhooks;

/// <summary>A payload that cannot be read. It is the only exception that a payload causes.</summary>
/// <param name="code">The stable code.</param>
/// <param name="message">What is wrong with it, for the operator.</param>
/// <param name="innerException">What found it.</param>
public sealed class PayloadException(string code, string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>It is no JSON object, or nested too deep.</summary>
    public const string MalformedPayload = "malformed_payload";

    /// <summary>
    /// What was read before it broke, if it broke in its midst: a payload that was changed on the way may still name the repository whose secret tells that it was.
    /// Null when it is whole and yet no payload: no object, or nested too deep.
    /// </summary>
    public DeliveryContent? Broken { get; init; }

    /// <summary>The stable code.</summary>
    public string Code { get; } = code;
}
