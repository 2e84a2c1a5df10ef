namespace Ampora.Git.Tests.Transports;

public sealed class OverHttpV2() : TransportSpecs(new HttpTransport(onlyV0: false));

public sealed class OverHttpV0() : TransportSpecs(new HttpTransport(onlyV0: true));

public sealed class HistoriesOverHttpV2() : HistorySpecs(new HttpTransport(onlyV0: false));

public sealed class HistoriesOverHttpV0() : HistorySpecs(new HttpTransport(onlyV0: true));
