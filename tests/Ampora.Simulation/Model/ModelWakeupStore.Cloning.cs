namespace Ampora.Simulation.Model;

/// <summary>What a comparison with another store needs.</summary>
public sealed partial class ModelWakeupStore
{
    /// <summary>
    /// What the other store took, when this one is compared with it: where it is free to choose, because several have waited equally long, it chooses these. Null:
    /// nothing is compared.
    /// </summary>
    public IReadOnlySet<string>? Preferred { get; set; }

    /// <summary>Whether nothing but <see cref="Preferred"/> is taken: another transaction may hold the rest at that moment, and a later turn takes it.</summary>
    public bool TakesPreferredOnly { get; set; }

    /// <summary>A copy that goes its own way.</summary>
    public ModelWakeupStore Clone()
    {
        lock (_gate)
        {
            var clone = new ModelWakeupStore(clock, policy, rules: _rules) { _tokens = _tokens, _tokensAt = _tokensAt, CallersClock = CallersClock };
            foreach (var (id, source) in _sources)
                clone._sources.Add(id, source.Clone());
            foreach (var (id, message) in Outbox)
                clone.Outbox.Add(id, message.Clone());
            foreach (var (run, audit) in AuditIds)
                clone.AuditIds.Add(run, audit);
            clone.SourceEvents.AddRange(SourceEvents);
            clone.HealthEvents.AddRange(HealthEvents);
            return clone;
        }
    }

    private bool MayTake(ModelSource source) => !TakesPreferredOnly || Preferred!.Contains(source.Id);

    private int Preference(ModelSource source) => Preferred?.Contains(source.Id) == true ? 0 : 1;
}
