using Ampora.EndToEnd.Tests.Deployments;

namespace Ampora.EndToEnd.Tests.Acceptance;

[Collection(SharedStandalone.Name)]
public sealed class StandaloneMainJob(StandaloneDeployment deployment) : MainJobSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneWebhookSecrets(StandaloneDeployment deployment) : WebhookSecretSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneSnapshots(StandaloneDeployment deployment) : SnapshotSpecs(deployment);
