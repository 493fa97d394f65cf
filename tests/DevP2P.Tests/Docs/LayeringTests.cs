using System.Text.RegularExpressions;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>
/// Dependencies point one way (docs/architecture.md). Read from the sources, method bodies included: every use of one of the
/// library's types by name counts, whether by a using directive or not.
/// </summary>
public sealed partial class LayeringTests
{
    private const string Library = "src/DevP2P";

    /// <summary>Each layer with those that it may use besides itself, from the bottom to the top.</summary>
    private static readonly Dictionary<string, string[]> Layers = new()
    {
        ["Rlp"] = [],
        ["Crypto"] = [],
        ["NetUtil"] = [],
        ["Limits"] = [],
        ["Nat"] = ["NetUtil", "Crypto"],
        ["Nodes"] = ["Crypto", "NetUtil", "Rlp"],
        ["Messages"] = ["Rlp"],
        ["Rlpx"] = ["Messages", "Rlp", "Crypto", "Limits"],
        ["Dialing"] = ["Messages", "Nodes", "NetUtil", "Crypto"],
        ["Reputation"] = ["Dialing", "Messages", "Nodes"],
        ["Discovery"] = ["Dialing", "Messages", "Nodes", "NetUtil", "Crypto", "Rlp"],
        ["Server"] = ["Reputation", "Nat", "Discovery", "Dialing", "Rlpx", "Messages", "Nodes", "NetUtil", "Crypto", "Rlp", "Limits"],
    };

    /// <summary>The words that all above Nodes speak; they stand at the top of the folder because they are the public face.</summary>
    private static readonly string[] MessagesFiles =
        ["Capability.cs", "DisconnectReason.cs", "IMessageStream.cs", "Message.cs", "MessageExtensions.cs", "P2PException.cs"];

    /// <summary>What breaks the rule, one file and one type each, and why it may for now.</summary>
    private static readonly Dictionary<(string File, string Type), string> Exceptions = new()
    {
        [("Crypto/PublicKey.cs", "NodeId")] = "a node's id is the hash of its key; NodeId itself uses nothing",
        [("Dialing/DialLimits.cs", "InboundThrottle")] = NamesakeReason,
        [("Dialing/DialRefusal.cs", "PendingInbound")] = NamesakeReason,
        [("Discovery/Core/Distance.cs", "Log")] = NamesakeReason,
        [("Discovery/TalkRequest.cs", "Protocol")] = NamesakeReason,
        [("Discovery/V5/Output.cs", "Protocol")] = NamesakeReason,
        [("Discovery/V5/PacketHeader.cs", "Handshake")] = NamesakeReason,
        [("Discovery/V5/WireMessage.cs", "Protocol")] = NamesakeReason,
        [("Nat/INat.cs", "Protocol")] = NamesakeReason,
        [("Nat/Pcp.cs", "LocalEndPoint")] = NamesakeReason,
        [("Nat/PcpCodec.cs", "Nonce")] = NamesakeReason,
        [("Nat/StunCodec.cs", "Nonce")] = NamesakeReason,
        [("Nat/NatService.cs", "Call")] = NamesakeReason,
        [("Nat/NatService.cs", "Protocol")] = NamesakeReason,
        [("Nat/PortMapper.cs", "Call")] = NamesakeReason,
        [("Nat/PortMapper.cs", "Job")] = NamesakeReason,
        [("Nat/PortMapperJob.cs", "Call")] = NamesakeReason,
        [("Nat/PortMapperOutput.cs", "Protocol")] = NamesakeReason,
        [("Nodes/AdvertisedEndPoints.cs", "UdpPort")] = NamesakeReason,
        [("Nodes/ForkIdSchedule.cs", "Timestamp")] = NamesakeReason,
        [("Nodes/LocalEndPoint.cs", "StaticAddress")] = NamesakeReason,
        [("Nodes/LocalEndPoint.cs", "UdpPort")] = NamesakeReason,
        [("Nodes/Node.cs", "UdpPort")] = NamesakeReason,
        [("Nodes/NodeRecord.cs", "UdpPort")] = NamesakeReason,
        [("Nodes/NodeDatabase.Records.cs", "Contacts")] = NamesakeReason,
        [("Nodes/NodeDatabase.Records.cs", "FindFailures")] = NamesakeReason,
        [("Nodes/NodeDatabase.Records.cs", "PingReceived")] = NamesakeReason,
        [("Nodes/NodeDatabase.Records.cs", "Pong")] = NamesakeReason,
        [("Nodes/NodeDatabaseContact.cs", "FindFailures")] = NamesakeReason,
        [("Nodes/NodeDatabaseEntry.cs", "Contacts")] = NamesakeReason,
        [("Nodes/NodeDatabaseTables.cs", "Contacts")] = NamesakeReason,
        [("Rlpx/Handshake.cs", "RemoteKey")] = NamesakeReason,
    };

    private const string NamesakeReason = "no use at all: a member of its own with the name of a type";

    [Fact]
    public void Dependencies_point_one_way()
    {
        Dictionary<string, string> sources = RepositoryFiles.List(Library, "*.cs").ToDictionary(
            file => file, file => SourceText.WithoutCommentsAndStrings(RepositoryFiles.Read($"{Library}/{file}")));
        ILookup<string, string> layersOfType = sources
            .SelectMany(source => DeclaredTypes(source.Value).Select(type => (type, layer: LayerOf(source.Key))))
            .Distinct()
            .ToLookup(pair => pair.type, pair => pair.layer);
        Assert.True(layersOfType.Count > 80, $"only {layersOfType.Count} types were found");
        Report.None("types have a namesake in another layer", layersOfType.Where(layers => layers.Count() > 1).Select(layers => layers.Key));

        HashSet<(string File, string Type)> upwards = [.. sources.SelectMany(source => UsedNames(source.Value)
            .Where(name => layersOfType[name].Any(layer => !MayUse(LayerOf(source.Key), layer)))
            .Select(name => (source.Key, name)))];

        Report.None("uses are not allowed", upwards.Where(use => !Exceptions.ContainsKey(use)).Select(use => $"{use.File} uses {use.Type}"));

        // What is mended must go from the list, or it would be allowed for ever.
        Report.None("exceptions are needed no more", Exceptions.Keys.Where(use => !upwards.Contains(use)).Select(use => $"{use.File} uses {use.Type}"));
    }

    [Fact]
    public void A_forbidden_use_is_found()
    {
        const string Code = """
            namespace DevP2P.Rlp;
            // Server in a comment, "Peer" in a string, and a property of a type's name
            internal sealed class Bad { int Handshake => x.Node + Rlpx.FrameCodec.BlockSize; string s = "Peer"; ServerOptions? o; }
            """;
        string code = SourceText.WithoutCommentsAndStrings(Code);

        Assert.Equal(["Bad"], DeclaredTypes(code));
        Assert.Contains("ServerOptions", UsedNames(code));
        Assert.Contains("FrameCodec", UsedNames(code));
        Assert.DoesNotContain("Server", UsedNames(code));
        Assert.DoesNotContain("Peer", UsedNames(code));
        Assert.DoesNotContain("Node", UsedNames(code));
        Assert.False(MayUse("Rlp", "Server"));
        Assert.False(MayUse("Rlpx", "Dialing"));
        Assert.True(MayUse("Server", "Rlpx"));
    }

    [Fact]
    public void Sans_IO_files_exist_and_are_marked_on_the_page()
    {
        string[] files = ReadSansIOFiles();
        string page = RepositoryFiles.Read("docs/architecture.md");

        Assert.True(files.Length >= 6, $"only {files.Length} files in the list of .editorconfig");
        Report.None("sans-IO files do not exist", files.Where(file => !File.Exists(RepositoryFiles.PathOf(file))));
        Report.None("sans-IO files have no star on the page", files
            .Where(file => !page.Contains(Path.GetFileNameWithoutExtension(file) + "*", StringComparison.Ordinal)));
    }

    /// <summary>The files of .editorconfig's section that turns the ban (RS0030) into an error.</summary>
    private static string[] ReadSansIOFiles()
    {
        string section = "";
        foreach (string line in RepositoryFiles.ReadLines(".editorconfig"))
        {
            if (line.StartsWith('['))
            {
                section = line.Trim('[', ']');
            }
            else if (line.Replace(" ", "", StringComparison.Ordinal) == "dotnet_diagnostic.RS0030.severity=error")
            {
                Match braces = Braces().Match(section);
                Assert.True(braces.Success, $"not a list in braces: {section}");
                return [.. braces.Groups[2].Value.Split(',').Select(name => braces.Groups[1].Value + name + braces.Groups[3].Value)];
            }
        }

        throw new InvalidOperationException("no section of .editorconfig bans anything");
    }

    private static string LayerOf(string file)
    {
        int slash = file.IndexOf('/', StringComparison.Ordinal);
        string layer = slash < 0 ? MessagesFiles.Contains(file) ? "Messages" : "Server"
            : file.StartsWith("Buffers/", StringComparison.Ordinal) ? "Messages"
            : file.StartsWith("Diagnostics/", StringComparison.Ordinal) ? "Server"
            : file[..slash];
        Assert.True(Layers.ContainsKey(layer), $"{layer} is a new layer: give it its place in this test and in docs/architecture.md");
        return layer;
    }

    private static bool MayUse(string layer, string other) => layer == other || Layers[layer].Contains(other);

    private static IEnumerable<string> DeclaredTypes(string code) => Declaration().Matches(code).Select(match => match.Groups[1].Value);

    /// <summary>All capitalised names but those behind a dot, which are members; a namespace before a dot is not an owner.</summary>
    private static HashSet<string> UsedNames(string code) =>
        [.. Name().Matches(NamespacePrefix().Replace(code, "")).Select(match => match.Value)];

    // Types of a file-scoped namespace start their line; nested ones are indented.
    [GeneratedRegex(@"^(?:public |internal )(?:[a-z]+ )*?(?:class|interface|enum|record struct|record|ref partial struct|struct) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?<![\w.])(?:DevP2P\.)?(?:Rlp|Crypto|NetUtil|Nodes|Buffers|Rlpx|Dialing|Nat|Reputation|Limits|Diagnostics)\.(?=[A-Z])")]
    private static partial Regex NamespacePrefix();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w*")]
    private static partial Regex Name();

    [GeneratedRegex(@"^(.*)\{(.*)\}(.*)$")]
    private static partial Regex Braces();
}
