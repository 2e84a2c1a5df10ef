namespace Ampora.Git.Tests.Transports;

public sealed class OverHttpV2() : TransportSpecs(new HttpTransport(onlyV0: false));

public sealed class OverHttpV0() : TransportSpecs(new HttpTransport(onlyV0: true));

public sealed class OverSshV2() : TransportSpecs(new SshTransport(onlyV0: false));

public sealed class OverSshV0() : TransportSpecs(new SshTransport(onlyV0: true));

public sealed class HistoriesOverHttpV2() : HistorySpecs(new HttpTransport(onlyV0: false));

public sealed class HistoriesOverHttpV0() : HistorySpecs(new HttpTransport(onlyV0: true));

public sealed class HistoriesOverSshV2() : HistorySpecs(new SshTransport(onlyV0: false));

public sealed class HistoriesOverSshV0() : HistorySpecs(new SshTransport(onlyV0: true));
