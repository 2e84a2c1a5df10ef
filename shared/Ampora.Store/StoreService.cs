using Microsoft.Extensions.Hosting;

namespace Ampora.Store;

/// <summary>Brings the store into a service.</summary>
public static class StoreService
{
    /// <summary>
    /// Registers <c>Database&lt;StoreContext&gt;</c>, <c>IWakeupStore</c>, <c>WakeupProtocol</c>, <c>SnapshotStore</c> and <c>SecretCipher</c>, and migrates the
    /// database before anything else of the host starts.
    /// </summary>
    public static void AddStore(this IHostApplicationBuilder builder) => throw new NotImplementedException();
}
