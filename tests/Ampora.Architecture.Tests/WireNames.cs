using Ampora.Contracts;
using MassTransit;

namespace Ampora.Architecture.Tests;

/// <summary>A message's URN is wire format: a release that renames one no longer understands what the previous one queued.</summary>
public sealed class WireNames
{
    [Theory]
    [InlineData(typeof(TipCheckRequested), "urn:message:Ampora.Contracts:TipCheckRequested")]
    [InlineData(typeof(SyncRunCompleted), "urn:message:Ampora.Contracts:SyncRunCompleted")]
    [InlineData(typeof(AuditRecorded), "urn:message:Ampora.Contracts:AuditRecorded")]
    [InlineData(typeof(AuditEntryCommitted), "urn:message:Ampora.Contracts:AuditEntryCommitted")]
    [InlineData(typeof(QueryAudit), "urn:message:Ampora.Contracts:QueryAudit")]
    [InlineData(typeof(AuditPage), "urn:message:Ampora.Contracts:AuditPage")]
    [InlineData(typeof(VerifyAudit), "urn:message:Ampora.Contracts:VerifyAudit")]
    [InlineData(typeof(AuditVerification), "urn:message:Ampora.Contracts:AuditVerification")]
    public void A_message_keeps_its_name(Type message, string urn) => Assert.Equal(urn, MessageUrn.ForTypeString(message));
}
