using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ampora.Hosting.Settings;

/// <summary>How every option is read and checked.</summary>
public static class SettingsRegistration
{
    /// <summary>
    /// Binds <c>Ampora:{section}</c> (environment: <c>Ampora__{section}__…</c>) to an options class; its data annotations are checked at start, and every error is reported together.
    /// </summary>
    public static void AddSettings<TOptions>(this IHostApplicationBuilder builder, string section)
        where TOptions : class
    {
        // Services of one process may share a section; binding it twice would append to lists twice.
        if (!SettingsProblems.Of(builder).TryAddCheck<TOptions>(section))
            return;
        builder.Services.AddOptions<TOptions>().BindConfiguration("Ampora:" + section);
        builder.Services.AddSingleton<IValidateOptions<TOptions>>(new Annotations<TOptions>(section));
    }

    /// <summary>Notes a missing or bad setting that was found while registering; the start then fails with all of them named.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="problem">Which setting, what is wrong, and what it should be; never a secret.</param>
    public static void AddSettingsProblem(this IHostApplicationBuilder builder, string problem) => SettingsProblems.Of(builder).Note(problem);

    /// <summary>Checks data annotations and says the setting by the name that the operator wrote.</summary>
    private sealed class Annotations<TOptions>(string section) : IValidateOptions<TOptions>
        where TOptions : class
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            var results = new List<ValidationResult>();
            if (Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true))
                return ValidateOptionsResult.Success;
            return ValidateOptionsResult.Fail(results.Select(result =>
            {
                var members = result.MemberNames.Select(member => $"Ampora__{SettingNames.EnvironmentVariable(section)}__{member}").ToArray();
                return members.Length == 0 ? $"Ampora__{SettingNames.EnvironmentVariable(section)}: {result.ErrorMessage}" : $"{string.Join(", ", members)}: {result.ErrorMessage}";
            }));
        }
    }
}
