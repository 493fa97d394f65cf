using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevP2P.Hosting.Rpc;
using DevP2P.Hosting.Security;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

/// <summary>The examples of the JSON-RPC 2.0 specification, with the texts of the errors as ours, and what it leaves open.</summary>
public sealed class JsonRpcSpecificationTests
{
    private static readonly RpcParameter<int> s_minuend = Parameters.Number("minuend", "", int.MinValue, int.MaxValue, isRequired: true);
    private static readonly RpcParameter<int> s_subtrahend = Parameters.Number("subtrahend", "", int.MinValue, int.MaxValue, isRequired: true);
    private static readonly RpcParameter<int>[] s_terms =
        [.. Enumerable.Range(0, 5).Select(i => Parameters.Number($"n{i}", "", int.MinValue, int.MaxValue))];

    private readonly ByteBudget _bytes = new(RpcLimits.MaxBytesInFlight);
    private readonly List<string> _called = [];

    [Theory]

    // Positional and named parameters.
    [InlineData("""{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}""", """{"jsonrpc": "2.0", "result": 19, "id": 1}""")]
    [InlineData("""{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}""", """{"jsonrpc": "2.0", "result": -19, "id": 2}""")]
    [InlineData("""{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}""", """{"jsonrpc": "2.0", "result": 19, "id": 3}""")]
    [InlineData("""{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}""", """{"jsonrpc": "2.0", "result": 19, "id": 4}""")]

    // Notifications.
    [InlineData("""{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}""", "")]
    [InlineData("""{"jsonrpc": "2.0", "method": "foobar"}""", "")]

    // Errors.
    [InlineData("""{"jsonrpc": "2.0", "method": "foobar", "id": "1"}""",
        """{"jsonrpc": "2.0", "error": {"code": -32601, "message": "the method foobar does not exist/is not available"}, "id": "1"}""")]
    [InlineData("""{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]""", """{"jsonrpc": "2.0", "error": {"code": -32700, "message": "parse error"}, "id": null}""")]
    [InlineData("""{"jsonrpc": "2.0", "method": 1, "params": "bar"}""", """{"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null}""")]

    // Batches.
    [InlineData("""
        [{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
         {"jsonrpc": "2.0", "method"
        ]
        """, """{"jsonrpc": "2.0", "error": {"code": -32700, "message": "parse error"}, "id": null}""")]
    [InlineData("[]", """{"jsonrpc": "2.0", "error": {"code": -32600, "message": "empty batch"}, "id": null}""")]
    [InlineData("[1]", """[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null}]""")]
    [InlineData("[1,2,3]", """
        [{"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null},
         {"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null},
         {"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null}]
        """)]
    [InlineData("""
        [{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
         {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
         {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
         {"foo": "boo"},
         {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
         {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]
        """, """
        [{"jsonrpc": "2.0", "result": 7, "id": "1"},
         {"jsonrpc": "2.0", "result": 19, "id": "2"},
         {"jsonrpc": "2.0", "error": {"code": -32600, "message": "invalid request"}, "id": null},
         {"jsonrpc": "2.0", "error": {"code": -32601, "message": "the method foo.get does not exist/is not available"}, "id": "5"},
         {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]
        """)]
    [InlineData("""[{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]""", "")]
    public async Task Examples(string request, string response)
    {
        string answer = await DispatchAsync(request);

        Assert.True(response.Length == 0 ? answer.Length == 0 : JsonNode.DeepEquals(JsonNode.Parse(response), JsonNode.Parse(answer)), answer);
    }

    [Theory]

    // Ids come back as they were: not as numbers that have been computed with, and null is an id.
    [InlineData("""{"jsonrpc":"2.0","id":12345678901234567890123.50,"method":"sum"}""", """{"jsonrpc":"2.0","id":12345678901234567890123.50,"result":0}""")]
    [InlineData("""{"jsonrpc":"2.0","id":null,"method":"sum"}""", """{"jsonrpc":"2.0","id":null,"result":0}""")]
    [InlineData("""{"jsonrpc":"2.0","id":"a\"\u0000é","method":"sum"}""", """{"jsonrpc":"2.0","id":"a\"\u0000é","result":0}""")]
    [InlineData("""{"jsonrpc":"2.0","id":"\ud800","method":"sum"}""", """{"jsonrpc":"2.0","id":"\ud800","result":0}""")]

    // No ids: objects, arrays, booleans.
    [InlineData("""{"jsonrpc":"2.0","id":{},"method":"sum"}""", """{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":[1],"method":"sum"}""", """{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":true,"method":"sum"}""", """{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}""")]

    // Other versions; the id of a request that is wrong otherwise.
    [InlineData("""{"jsonrpc":"1.0","id":1,"method":"sum"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"id":1,"method":"sum"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":""}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"\ud800"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}}""")]

    // Parameters.
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":[1]}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"missing value for required argument 1"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":[1,null]}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"missing value for required argument 1"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":[1,2,3]}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"too many arguments, want at most 2"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":["x",2]}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"invalid argument 0: want a whole number from -2147483648 to 2147483647"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":{"minuend":1,"other":2}}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"unknown argument, want minuend, subtrahend"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":{"\ud800":1}}""",
        """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"unknown argument, want minuend, subtrahend"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":[{"minuend":3,"subtrahend":2}]}""", """{"jsonrpc":"2.0","id":1,"result":1}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"subtract","params":"bar"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"non-array args"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"sum","params":null}""", """{"jsonrpc":"2.0","id":1,"result":0}""")]

    // Failures inside.
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"fail_early"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal error"}}""")]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"fail_late"}""", """{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal error"}}""")]
    [InlineData("""[{"jsonrpc":"2.0","id":1,"method":"fail_late"},{"jsonrpc":"2.0","id":2,"method":"sum"}]""",
        """[{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal error"}},{"jsonrpc":"2.0","id":2,"result":0}]""")]
    [InlineData("""[{"jsonrpc":"2.0","method":"sum"},{"jsonrpc":"2.0","id":2,"method":"sum"},{"jsonrpc":"2.0","method":"sum"}]""",
        """[{"jsonrpc":"2.0","id":2,"result":0}]""")]
    public async Task What_is_left_open_is_done_as_geth_does(string request, string response) => Assert.Equal(response, await DispatchAsync(request));

    [Fact]
    public async Task Notifications_run()
    {
        await DispatchAsync("""[{"jsonrpc":"2.0","method":"sum","params":[1]},{"jsonrpc":"2.0","method":"sum","params":[2]}]""");

        Assert.Equal(["sum 1", "sum 2"], _called);
    }

    [Fact]
    public async Task What_is_not_UTF8_or_too_deep_is_no_JSON()
    {
        Assert.Equal(-32700, TestSite.ErrorOf(JsonElement.Parse(await DispatchAsync([.. "{\"jsonrpc\":\"2.0\",\"id\":\""u8, 0xFF, .. "\",\"method\":\"sum\"}"u8]))).Code);
        Assert.Equal(-32700, TestSite.ErrorOf(JsonElement.Parse(await DispatchAsync(new string('[', 100) + new string(']', 100)))).Code);
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task A_batch_may_be_large_but_not_larger()
    {
        string Batch(int count) => "[" + string.Join(',', Enumerable.Range(5, count).Select(id => $$"""{"jsonrpc":"2.0","id":{{id}},"method":"sum"}""")) + "]";

        Assert.Equal(RpcLimits.MaxBatch, JsonElement.Parse(await DispatchAsync(Batch(RpcLimits.MaxBatch))).GetArrayLength());
        _called.Clear();
        Assert.Equal("""[{"jsonrpc":"2.0","id":5,"error":{"code":-32005,"message":"batch too large"}}]""", await DispatchAsync(Batch(RpcLimits.MaxBatch + 1)));
        Assert.Empty(_called);
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task An_answer_has_a_bound()
    {
        // Each is fine for itself, all together are not.
        string batch = "[" + string.Join(',', Enumerable.Range(0, 12).Select(id => $$"""{"jsonrpc":"2.0","id":{{id}},"method":"get_megabyte"}""")) + "]";

        JsonElement answers = JsonElement.Parse(await DispatchAsync(batch));

        Assert.Equal(12, answers.GetArrayLength());
        Assert.True(answers[8].TryGetProperty("result", out _));
        Assert.Equal((-32003, "response too large"), TestSite.ErrorOf(answers[11]));
        Assert.Equal(0, _bytes.Used);
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task Calls_are_limited_in_the_long_run()
    {
        var time = new ManualTime();
        var caller = new RpcCaller("test", RemoteRates.Create(time), subscriptions: null);
        for (int i = 0; i < RpcLimits.CallBurst; i++)
        {
            Assert.Equal("""{"jsonrpc":"2.0","id":1,"result":0}""", await DispatchAsync("""{"jsonrpc":"2.0","id":1,"method":"sum"}""", caller));
        }

        string refused = await DispatchAsync("""{"jsonrpc":"2.0","id":1,"method":"sum"}""", caller);
        time.Advance(TimeSpan.FromSeconds(1));
        int served = 0;
        while (served <= 2 * RpcLimits.CallsPerSecond && !(await DispatchAsync("""{"jsonrpc":"2.0","id":1,"method":"sum"}""", caller)).Contains("error"))
        {
            served++;
        }

        Assert.Equal("""{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"too many calls, try again later"}}""", refused);
        Assert.Equal(RpcLimits.CallsPerSecond, served);
    }

    private Task<string> DispatchAsync(string request, RpcCaller? caller = null) => DispatchAsync(Encoding.UTF8.GetBytes(request), caller);

    private async Task<string> DispatchAsync(byte[] request, RpcCaller? caller = null)
    {
        var dispatcher = new RpcDispatcher(CreateMethods(), NullLogger.Instance);
        using var response = new RpcBuffer(RpcLimits.MaxResponseBytes, _bytes);
        caller ??= new RpcCaller("test", RemoteRates.Create(TimeProvider.System), subscriptions: null);
        await dispatcher.DispatchAsync(request, caller, response, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(response.Written.Span);
    }

    private RpcMethodTable CreateMethods() => new(
    [
        RpcMethod.Create("subtract", "", [s_minuend, s_subtrahend], AdminJson.Default.Int32, call => call.Get(s_minuend) - call.Get(s_subtrahend)),
        RpcMethod.Create("sum", "", s_terms, AdminJson.Default.Int32, call =>
        {
            int sum = s_terms.Sum(term => call.Get(term, 0));
            _called.Add($"sum {sum}");
            return sum;
        }),
        RpcMethod.Create("update", "", s_terms, AdminJson.Default.Boolean, _ => true),
        RpcMethod.Create("notify_hello", "", [s_terms[0]], AdminJson.Default.Boolean, _ => true),
        RpcMethod.Create("get_data", "", [], AdminJson.Default.JsonElement, _ => JsonElement.Parse("""["hello", 5]""")),
        RpcMethod.Create("get_megabyte", "", [], AdminJson.Default.String, _ => new string('m', 1024 * 1024)),
        RpcMethod.Create("fail_early", "", [], AdminJson.Default.Boolean, bool (_) => throw new InvalidOperationException("secret")),

        // What a protocol says of itself may be of a type that cannot be written.
        RpcMethod.Create("fail_late", "", [], AdminJson.Default.DictionaryStringObject, _ => new Dictionary<string, object?> { ["a"] = 1, ["b"] = new Uri("x:y") }),
    ]);
}
