using Ampora.Deployments;
using Ampora.EndToEnd.Tests.Secrets;

namespace Ampora.EndToEnd.Tests.Acceptance;

[Collection(SharedStandalone.Name)]
public sealed class StandaloneMainJob(StandaloneDeployment deployment) : MainJobSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneWebhookSecrets(StandaloneDeployment deployment) : WebhookSecretSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneSnapshots(StandaloneDeployment deployment) : SnapshotSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneWebhookMethods(StandaloneDeployment deployment) : WebhookMethodSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneSharedHook(StandaloneDeployment deployment) : SharedHookSpecs(deployment, sources: 30);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneLaggingHost(StandaloneDeployment deployment) : LaggingHostSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneMissedWebhooks(StandaloneDeployment deployment) : MissedWebhookSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneRealSenders(StandaloneDeployment deployment) : RealSenderSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneSharedRemote(StandaloneDeployment deployment) : SharedRemoteSpecs(deployment);

[Collection(SharedStandalone.Name)]
public sealed class StandaloneSourceKinds(StandaloneDeployment deployment) : SourceKindSpecs(deployment);

public sealed class StandaloneSecrets(ProxiedStandaloneDeployment deployment) : SecretSpecs(deployment, deployment.Proxy), IClassFixture<ProxiedStandaloneDeployment>;
