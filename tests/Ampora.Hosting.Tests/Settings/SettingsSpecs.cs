using System.Collections;
using System.ComponentModel.DataAnnotations;
using Ampora.Hosting.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Hosting.Tests.Settings;

public sealed class SettingsSpecs
{
    [Fact]
    public void Every_problem_is_named_together_and_nothing_is_started()
    {
        var stopped = Assert.Throws<SettingsException>(() => ServiceUnderTest.Compose(
            new()
            {
                ["Ampora:Management:Port"] = "70000",
                ["Ampora:Logging:Format"] = "xml",
                ["Ampora:Trial:Seconds"] = "0",
                ["Ampora:Trial:Name"] = "amp_secret",
                ["urls"] = "https://*:8443;nonsense",
                ["Ampora:Internal:TrustedNetworks"] = "10.0.0.0/33",
            },
            builder =>
            {
                builder.AddSettings<Trial>("Trial");
                builder.AddSettings<Trial>("Trial");
                builder.AddSettingsProblem("AMPORA_TRIAL is missing: it should be there.");
                builder.Services.AddSingleton<NeedsWhatIsMissing>();
                builder.Services.AddHostedService<MustNotStart>();
            },
            _ => Assert.Fail("It was mapped.")));
        string[] named = ["Ampora__Management__Port", "Ampora__Logging__Format", "Ampora__Trial__Seconds", "Ampora__Trial__Name", "AMPORA_TRIAL", "https://*:8443", "nonsense", "Ampora__Internal__TrustedNetworks"];
        Assert.All(named, name => Assert.Single(stopped.Problems, problem => problem.Contains(name, StringComparison.Ordinal)));
        Assert.Equal(named.Length, stopped.Problems.Count);
        Assert.DoesNotContain("amp_secret", stopped.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_registration_that_throws_after_a_problem_reports_the_problem()
    {
        var stopped = Assert.Throws<SettingsException>(() => ServiceUnderTest.Compose([], builder =>
        {
            builder.AddSettingsProblem("AMPORA_TRIAL is missing.");
            throw new InvalidOperationException("because of it");
        }));
        Assert.Equal(["AMPORA_TRIAL is missing."], stopped.Problems);
    }

    [Fact]
    public async Task Good_settings_are_read()
    {
        await using var app = ServiceUnderTest.Compose(new() { ["Ampora:Trial:Seconds"] = "7" }, builder => builder.AddSettings<Trial>("Trial"));
        Assert.Equal(7, app.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<Trial>>().Value.Seconds);
    }

    [Fact]
    public void A_secret_is_read_from_the_file_that_its_variable_names()
    {
        var folder = Directory.CreateTempSubdirectory("ampora-settings-").FullName;
        try
        {
            var file = Path.Combine(folder, "secret");
            File.WriteAllText(file, "s3cret with blank \r\n\n");
            File.WriteAllText(Path.Combine(folder, "large"), new string('x', 70_000));
            var configuration = new ConfigurationBuilder();
            var problems = new SettingsProblems();
            SecretFiles.AddTo(
                configuration,
                new Hashtable
                {
                    ["AMPORA_MASTER_KEY_FILE"] = file,
                    ["ConnectionStrings__Store_FILE"] = file,
                    ["Ampora__Webhooks__Secrets__x__Secret_FILE"] = file,
                    ["SSL_CERT_FILE"] = "/not/ours",
                    ["AMPORA_ADMIN_TOKEN_FILE"] = Path.Combine(folder, "missing"),
                    ["AMPORA_ADMIN_PASSWORD_FILE"] = folder,
                    ["AMPORA_MASTER_KEY_PREVIOUS_FILE"] = Path.Combine(folder, "large"),
                    ["ConnectionStrings__Broker_FILE"] = file,
                    ["ConnectionStrings__Broker"] = "amqp://both",
                },
                problems);
            var read = configuration.Build();
            Assert.Equal("s3cret with blank ", read["AMPORA_MASTER_KEY"]);
            Assert.Equal("s3cret with blank ", read.GetConnectionString("Store"));
            Assert.Equal("s3cret with blank ", read["Ampora:Webhooks:Secrets:x:Secret"]);
            Assert.Null(read["SSL_CERT"]);
            var found = problems.Collect(services: null);
            Assert.All(["AMPORA_ADMIN_TOKEN_FILE", "AMPORA_ADMIN_PASSWORD_FILE", "AMPORA_MASTER_KEY_PREVIOUS_FILE", "ConnectionStrings__Broker_FILE"],
                name => Assert.Single(found, problem => problem.Contains(name, StringComparison.Ordinal)));
            Assert.Equal(4, found.Count);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Trial
    {
        [Range(1, 60, ErrorMessage = "it should be from 1 to 60.")]
        public int Seconds { get; set; } = 5;

        [MaxLength(5, ErrorMessage = "it should have up to 5 characters.")]
        public string Name { get; set; } = "";
    }

    private sealed class Missing;

    private sealed class NeedsWhatIsMissing(Missing missing)
    {
        public override string ToString() => $"{missing}";
    }

    private sealed class MustNotStart : Microsoft.Extensions.Hosting.IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("It was started.");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
