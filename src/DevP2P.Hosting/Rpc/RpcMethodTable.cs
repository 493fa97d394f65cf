using System.Collections.Frozen;

namespace DevP2P.Hosting.Rpc;

/// <summary>All methods by name.</summary>
internal sealed class RpcMethodTable
{
    private readonly FrozenDictionary<string, RpcMethod> _methods;

    public RpcMethodTable(IEnumerable<RpcMethod> methods)
    {
        All = [.. methods.OrderBy(method => method.Name, StringComparer.Ordinal)];
        _methods = All.ToFrozenDictionary(method => method.Name, StringComparer.Ordinal);
    }

    /// <summary>Sorted by name.</summary>
    public IReadOnlyList<RpcMethod> All { get; }

    /// <summary>The namespaces, each with its version, as <c>rpc_modules</c> gives them.</summary>
    public IReadOnlyDictionary<string, string> Modules =>
        new SortedDictionary<string, string>(All.Select(method => method.Namespace).Distinct().ToDictionary(name => name, _ => "1.0"), StringComparer.Ordinal);

    public RpcMethod? Find(string name) => _methods.GetValueOrDefault(name);
}
