using System.Reflection;

namespace DevP2P.Tests.Docs;

/// <summary>Finds what the documentation names, public or internal, in the library and in hosting.</summary>
internal static class CodeNames
{
    private const BindingFlags OwnMembers =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Assembly Library = typeof(Server).Assembly;

    private static readonly Assembly Hosting = typeof(DevP2P.Hosting.AdminOptions).Assembly;

    /// <summary>
    /// Whether there is such a thing: <c>DevP2P.Server</c>, <c>DevP2P.Server.AddPeer</c>, <c>DevP2P.NetUtil.NetList.#ctor</c>.
    /// Members that a type inherits are not its own.
    /// </summary>
    public static bool Resolves(string dottedName)
    {
        if (Library.GetType(dottedName) is not null)
        {
            return true;
        }

        int dot = dottedName.LastIndexOf('.');
        return dot > 0 && Library.GetType(dottedName[..dot]) is { } type && HasMember(type, dottedName[(dot + 1)..]);
    }

    /// <summary>The types of a simple name, in the library and in hosting.</summary>
    public static Type[] FindTypes(string simpleName) =>
        [.. Library.GetTypes().Concat(Hosting.GetTypes()).Where(type => type.Name == simpleName && !type.IsNested)];

    public static bool HasMember(Type type, string name) =>
        name == "#ctor" ? type.GetConstructors(OwnMembers).Length > 0 : type.GetMember(name, OwnMembers).Length > 0;

    /// <summary>The value of a constant, a static field, or a property as it is unless it is set.</summary>
    public static object? ValueOf(Type type, string name, Func<object> createInstance) => type.GetMember(name, OwnMembers).Single() switch
    {
        FieldInfo field => field.GetValue(null),
        PropertyInfo { GetMethod.IsStatic: true } property => property.GetValue(null),
        PropertyInfo property => property.GetValue(createInstance()),
        MemberInfo other => throw new InvalidOperationException($"{type.Name}.{other.Name} has no value"),
    };
}
