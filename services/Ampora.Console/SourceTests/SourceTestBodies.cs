using Ampora.Console.Credentials;
using Ampora.Contracts;

namespace Ampora.Console.SourceTests;

/// <summary>What is to be tried, for the API's description.</summary>
internal sealed record SourceTestBody
{
    /// <summary>The repository. Left out, that of the source.</summary>
    public string? Url { get; init; }

    /// <summary>The ref, as a source names it. Left out, that of the source, or HEAD.</summary>
    public string? Ref { get; init; }

    /// <summary>For the Git host; null: none. Left out, the one that is stored for the source. It is kept nowhere.</summary>
    public CredentialBody? Credential { get; init; }

    /// <summary>A source whose stored URL, ref and credential stand in for what is left out.</summary>
    public string? SourceId { get; init; }
}

/// <summary>What became of a test.</summary>
/// <param name="Ok">Whether a source with these settings could be checked.</param>
/// <param name="Url">The URL as it would be stored; as it was given, without what may be a secret, when it cannot be read: then null.</param>
/// <param name="MovedTo">Where the Git host says the repository is now; null: where the URL says.</param>
/// <param name="Transport"><c>http-v2</c>, <c>http-v0</c>, <c>ssh-v2</c> or <c>ssh-v0</c>; null while nothing was read.</param>
/// <param name="Ref">What the ref stands for; null while it was not found.</param>
/// <param name="Steps">What was tried, in this order.</param>
/// <param name="Error">What is wrong, and what to do; null when all is well.</param>
internal sealed record SourceTestView(
    bool Ok, string? Url, string? MovedTo, string? Transport, TestedRef? Ref, IReadOnlyList<SourceTestStep> Steps, RunError? Error);

/// <summary>What a ref stands for.</summary>
/// <param name="Name">Its full name: the branch that HEAD points to, the highest of several tags.</param>
/// <param name="Sha">The commit.</param>
internal sealed record TestedRef(string Name, string Sha);

/// <summary>A step of a test.</summary>
/// <param name="Step"><c>url</c>, <c>connection</c>, <c>credential</c> or <c>ref</c>.</param>
/// <param name="Ok">Whether it is well; null when it was not come to.</param>
/// <param name="Detail">What was found; null when it was not come to.</param>
internal sealed record SourceTestStep(string Step, bool? Ok, string? Detail);
