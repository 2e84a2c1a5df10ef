namespace Ampora.Deployments;

/// <summary>Where this repository's projects are built to.</summary>
public static class BuildOutput
{
    /// <summary>The folder of a project's assemblies, in the configuration that the tests were built in.</summary>
    /// <param name="project">The project's folder within the repository, such as <c>services/Ampora.Ingress</c>.</param>
    public static string FolderOf(string project)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var root = output;
        while (!File.Exists(Path.Combine(root.FullName, "Ampora.sln")))
            root = root.Parent ?? throw new InvalidOperationException("the tests run outside of their repository");
        return Path.Combine(root.FullName, project, "bin", output.Parent!.Name, output.Name);
    }
}
