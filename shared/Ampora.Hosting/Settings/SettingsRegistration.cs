using Microsoft.Extensions.Hosting;

namespace Ampora.Hosting.Settings;

/// <summary>How every option is read and checked.</summary>
public static class SettingsRegistration
{
    /// <summary>
    /// Binds <c>Ampora:{section}</c> (environment: <c>Ampora__{section}__…</c>) to an options class; its data annotations are checked at start, and every error is reported together.
    /// </summary>
    public static void AddSettings<TOptions>(this IHostApplicationBuilder builder, string section)
        where TOptions : class => throw new NotImplementedException();

    /// <summary>Notes a missing or bad setting that was found while registering; the start then fails with all of them named.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="problem">Which setting, what is wrong, and what it should be; never a secret.</param>
    public static void AddSettingsProblem(this IHostApplicationBuilder builder, string problem) => throw new NotImplementedException();
}
