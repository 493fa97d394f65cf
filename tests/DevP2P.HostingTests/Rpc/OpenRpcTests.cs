using System.Runtime.CompilerServices;
using System.Text.Json;
using DevP2P.Hosting.Rpc;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

/// <summary>The OpenRPC document says what the methods do.</summary>
public sealed class OpenRpcTests
{
    [Fact]
    public async Task The_document_is_served_in_both_places_and_has_every_method()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        JsonElement served = JsonElement.Parse(await site.Http.GetStringAsync("/openrpc.json", TestContext.Current.CancellationToken));

        Assert.True(JsonElement.DeepEquals(served, await site.CallAsync("rpc.discover")));
        Assert.StartsWith("1.", served.GetProperty("openrpc").GetString());
        Assert.NotEmpty(served.GetProperty("info").GetProperty("title").GetString()!);
        Assert.NotEmpty(served.GetProperty("info").GetProperty("version").GetString()!);
        Assert.Equal(site.Endpoint.Methods.All.Select(method => method.Name), served.GetProperty("methods").EnumerateArray().Select(NameOf));
        foreach (JsonElement method in served.GetProperty("methods").EnumerateArray())
        {
            Assert.NotEmpty(method.GetProperty("summary").GetString()!);
            Assert.Equal("result", NameOf(method.GetProperty("result")));
            Assert.True(method.GetProperty("result").GetProperty("schema").ValueKind is JsonValueKind.Object or JsonValueKind.True, NameOf(method));

            // OpenRPC: unique names, and what may be left out stands last.
            JsonElement[] parameters = [.. method.GetProperty("params").EnumerateArray()];
            Assert.Equal(parameters.Length, parameters.Select(NameOf).Distinct().Count());
            bool[] required = [.. parameters.Select(parameter => parameter.GetProperty("required").GetBoolean())];
            Assert.Equal(required.OrderDescending(), required);
        }
    }

    [Fact]
    public async Task Methods_take_the_parameters_that_the_document_says_and_no_others()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        JsonElement document = await site.CallAsync("rpc.discover");
        int checkedParameters = 0;
        foreach (JsonElement method in document.GetProperty("methods").EnumerateArray())
        {
            string name = NameOf(method);
            JsonElement[] parameters = [.. method.GetProperty("params").EnumerateArray()];
            string nulls = string.Join(',', parameters.Select(_ => "null").Append("null"));
            Assert.Equal((RpcErrorCode.InvalidParams, $"too many arguments, want at most {parameters.Length}"), await site.FailAsync(name, $"[{nulls}]"));
            Assert.Equal(RpcErrorCode.InvalidParams, (await site.FailAsync(name, """{"no such parameter":1}""")).Code);
            for (int i = 0; i < parameters.Length; i++)
            {
                // The first one that is wrong is told, by position and by name.
                string before = string.Concat(parameters[..i].Select(parameter => Example(parameter) + ","));
                string named = string.Concat(parameters[..i].Select(parameter => $"\"{NameOf(parameter)}\":{Example(parameter)},"));
                (int, string) wrong = await site.FailAsync(name, $"[{before}{Wrong(parameters[i])}]");
                Assert.Equal(wrong, await site.FailAsync(name, $$"""{{{named}}"{{NameOf(parameters[i])}}":{{Wrong(parameters[i])}}}"""));
                Assert.True(wrong.Item1 == RpcErrorCode.InvalidParams && wrong.Item2.StartsWith($"invalid argument {i}: "), $"{name} {i}: {wrong}");
                if (parameters[i].GetProperty("required").GetBoolean())
                {
                    Assert.Equal((RpcErrorCode.InvalidParams, $"missing value for required argument {i}"), await site.FailAsync(name, $"[{before.TrimEnd(',')}]"));
                }

                checkedParameters++;
            }
        }

        Assert.True(checkedParameters > 10, $"only {checkedParameters}");
        Assert.Equal(0, site.Server.GetCounters().Dialed);
    }

    [Fact]
    public async Task Every_method_has_a_test_and_its_place_in_the_documentation()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        string folder = Path.GetDirectoryName(ThisFile())!;
        string tests = string.Concat(((string[])["MethodTests.cs", "SubscriptionTests.cs", "OpenRpcTests.cs"]).Select(file => File.ReadAllText(Path.Combine(folder, file))));
        string page = File.ReadAllText(Path.Combine(folder, "..", "..", "..", "docs", "admin-api.md"));

        Assert.All(site.Endpoint.Methods.All, method =>
        {
            Assert.Contains($"\"{method.Name}\"", tests);
            Assert.Contains($"| `{method.Name}({string.Join(", ", method.Parameters.Select(parameter => parameter.Name + (parameter.IsRequired ? "" : "?")))})` |", page);
        });
    }

    [Fact]
    public void The_documentation_has_the_numbers_of_the_code()
    {
        string page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "docs", "admin-api.md"));

        Assert.All(
            [
                $"| a request | {RpcLimits.MaxRequestBytes >> 20} MiB |",
                $"| calls in a batch | {RpcLimits.MaxBatch:N0} |",
                $"| an answer | {RpcLimits.MaxResponseBytes >> 20} MiB |",
                $"| requests and answers in memory, all together | {RpcLimits.MaxBytesInFlight >> 20} MiB |",
                $"| {RpcLimits.CallBurst:N0} at once, {RpcLimits.CallsPerSecond:N0} a second |",
                $"| calls of a connection that are under way | {RpcLimits.MaxCallsPerConnection} |",
                $"| connections that stay open | {RpcLimits.MaxConnections} |",
                $"| subscriptions | {RpcLimits.MaxSubscriptionsPerConnection} of a connection, {RpcLimits.MaxSubscriptions} in all |",
                $"| events that wait for a subscription | {RpcLimits.MaxQueuedEvents:N0} |",
                $"| a message that is not read | {RpcLimits.SendTimeout.TotalSeconds} s |",
                $"| lookups, waits of `devp2p_connect` | {RpcLimits.MaxLookups}, {RpcLimits.MaxConnects} at a time |",
            ], row => Assert.Contains(row, page));
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static string NameOf(JsonElement item) => item.GetProperty("name").GetString()!;

    private static string TypeOf(JsonElement parameter)
    {
        JsonElement type = parameter.GetProperty("schema").GetProperty("type");
        return type.ValueKind == JsonValueKind.Array ? type[0].GetString()! : type.GetString()!;
    }

    /// <summary>A value of another type than the schema's, and none that is left out.</summary>
    private static string Wrong(JsonElement parameter) => TypeOf(parameter) == "string" ? "17" : "\"x\"";

    /// <summary>A value that the schema allows.</summary>
    private static string Example(JsonElement parameter) => TypeOf(parameter) switch
    {
        "integer" or "number" => parameter.GetProperty("schema").TryGetProperty("minimum", out JsonElement min) ? min.GetRawText() : "1",
        "string" when parameter.GetProperty("schema").TryGetProperty("enum", out JsonElement words) => words[0].GetRawText(),
        "string" when NameOf(parameter) is "url" =>
            "\"enode://1637dc87d08e56eee757a944adde2791ac3817ab142aa2205f961e9191f8d4bfa1307aa16f31171578e20befab4fdb2c7c7b97dee214c3170232828e1ea27af7@127.0.0.1:1\"",
        "string" when NameOf(parameter) is "id" => "\"" + new string('1', 64) + "\"",
        "string" => "\"text\"",
        var other => throw new InvalidOperationException(other),
    };
}
