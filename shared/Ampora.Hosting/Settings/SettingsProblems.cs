using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ampora.Hosting.Settings;

/// <summary>Gathers what is wrong with the settings of one service, so that the operator mends all of it in one go.</summary>
internal sealed class SettingsProblems
{
    private readonly List<string> _noted = [];
    private readonly HashSet<(Type Options, string Section)> _bound = [];
    private readonly List<Func<IServiceProvider, IEnumerable<string>>> _checks = [];

    /// <summary>Whether anything was noted while registering; then what was registered may be incomplete.</summary>
    public bool AnyNoted => _noted.Count > 0;

    /// <summary>The problems of the service that this builder makes.</summary>
    public static SettingsProblems Of(IHostApplicationBuilder builder)
    {
        if (builder.Properties.TryGetValue(typeof(SettingsProblems), out var found))
            return (SettingsProblems)found;
        var made = new SettingsProblems();
        builder.Properties[typeof(SettingsProblems)] = made;
        return made;
    }

    public void Note(string problem) => _noted.Add(problem);

    /// <summary>Remembers a check of an options class; false when the same class is already bound to the same section.</summary>
    public bool TryAddCheck<TOptions>(string section)
        where TOptions : class
    {
        if (!_bound.Add((typeof(TOptions), section)))
            return false;
        _checks.Add(services =>
        {
            try
            {
                _ = ((IOptions<TOptions>)services.GetService(typeof(IOptions<TOptions>))!).Value;
                return [];
            }
            catch (OptionsValidationException e)
            {
                return e.Failures;
            }
            catch (InvalidOperationException e)
            {
                // The binder could not read a value: its message names the key; the value may be a secret and stays out.
                return [SettingNames.OfBinderError(section, e)];
            }
        });
        return true;
    }

    /// <summary>Everything noted, and every options class checked; empty when all is well.</summary>
    public IReadOnlyList<string> Collect(IServiceProvider? services)
    {
        var problems = new List<string>(_noted);
        if (services is not null)
        {
            foreach (var check in _checks)
                problems.AddRange(check(services));
            try
            {
                (services.GetService(typeof(IStartupValidator)) as IStartupValidator)?.Validate();
            }
            catch (Exception e)
            {
                // Options registered with ValidateOnStart by other means.
                var validations = e is AggregateException all ? all.InnerExceptions.OfType<OptionsValidationException>() : [];
                problems.AddRange((e is OptionsValidationException one ? [one] : validations).SelectMany(v => v.Failures));
                if (problems.Count == 0)
                    throw;
            }
        }
        return [.. problems.Distinct()];
    }
}
