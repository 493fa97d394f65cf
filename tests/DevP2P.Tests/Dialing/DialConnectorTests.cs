using System.Net;
using System.Net.Sockets;
using DevP2P.Dialing;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Dialing;

/// <summary>The stages Resolve and Connect, with lookups that the tests answer themselves.</summary>
public sealed class DialConnectorTests
{
    private const string Key = "ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31387574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f";
    private static readonly DialAddressPolicy Operator = new(null, IsOperatorNamed: true, AllowLan: true);

    private static CancellationToken TestToken => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_name_is_looked_up_and_connected_to()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var asked = new List<string>();
        HostNameResolver resolver = Resolver(name =>
        {
            asked.Add(name);
            return [IPAddress.Loopback];
        });

        var connector = new DialConnector(resolver, new TcpDialer());
        DialRequest request = NamedRequest(port);
        for (int i = 0; i < 2; i++)
        {
            DialConnectResult result = await connector.ConnectAsync(request, TestToken);
            Assert.Equal((DialStage.Connect, ""), (result.Stage, result.Reason));
            Assert.Equal(listener.LocalEndpoint, result.Connection!.RemoteEndPoint);
            await result.Connection.Stream.DisposeAsync();
        }

        // Never from a cache.
        Assert.Equal(["node.example.org", "node.example.org"], asked);
    }

    [Fact]
    public async Task A_refused_connection_fails_at_the_connect_stage()
    {
        using var deaf = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Node node = DialDriver.NodeOf(1, "127.0.0.1", ((IPEndPoint)deaf.LocalEndPoint!).Port);
        DialConnectResult result = await Connector().ConnectAsync(new DialRequest(node, null, Operator), TestToken);
        Assert.Equal((null, DialStage.Connect), (result.Connection, result.Stage));
        Assert.Contains("refused", result.Reason, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task An_unknown_host_name_fails_at_the_resolve_stage()
    {
        DialConnectResult result = await Connector(_ => throw new SocketException((int)SocketError.HostNotFound))
            .ConnectAsync(NamedRequest(), TestToken);
        Assert.Equal((null, DialStage.Resolve), (result.Connection, result.Stage));
        Assert.NotEmpty(result.Reason);

        result = await Connector(_ => []).ConnectAsync(NamedRequest(), TestToken);
        Assert.Equal((DialStage.Resolve, "node.example.org has no address"), (result.Stage, result.Reason));
    }

    [Fact]
    public async Task A_node_without_address_fails_at_the_resolve_stage()
    {
        DialConnectResult result = await Connector().ConnectAsync(new DialRequest(DialDriver.WithoutAddress(1), null, Operator), TestToken);
        Assert.Equal((null, DialStage.Resolve), (result.Connection, result.Stage));
        Assert.Contains("no address", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Threat", "T18")]
    public async Task Only_addresses_that_may_be_dialed_are_passed_on()
    {
        var dialer = new RecordingDialer();
        IPAddress[] found = [.. new[] { "10.0.0.1", "198.18.0.1", "44.0.0.1", "2600::1", "44.0.0.1", "::ffff:44.0.0.2", "127.0.0.1", "45.0.0.1" }.Select(IPAddress.Parse)];
        var connector = new DialConnector(Resolver(_ => found), dialer);

        await connector.ConnectAsync(NamedRequest(sourceId: 1, policy: default(DialAddressPolicy)), TestToken);
        Assert.Equal("[2600::1]:30303 44.0.0.1:30303 44.0.0.2:30303 45.0.0.1:30303", dialer.EndPoints);

        var restricted = new DialAddressPolicy(NetList.Parse("44.0.0.0/8,10.0.0.0/8"), IsOperatorNamed: true, AllowLan: true);
        await connector.ConnectAsync(NamedRequest(policy: restricted), TestToken);
        Assert.Equal("10.0.0.1:30303 44.0.0.1:30303 44.0.0.2:30303", dialer.EndPoints);

        found = [IPAddress.Parse("10.0.0.1")];
        DialConnectResult result = await connector.ConnectAsync(NamedRequest(sourceId: 1, policy: default(DialAddressPolicy)), TestToken);
        Assert.Equal((null, DialStage.Resolve), (result.Connection, result.Stage));
        Assert.Equal("no address of node.example.org may be dialed: LAN address from a source outside the LAN", result.Reason);
    }

    [Fact]
    public async Task The_number_of_addresses_is_limited()
    {
        var dialer = new RecordingDialer();
        IPAddress[] found = [.. Enumerable.Range(1, 100).Select(i => new IPAddress([44, 0, 0, (byte)i]))];
        await new DialConnector(Resolver(_ => found), dialer).ConnectAsync(NamedRequest(), TestToken);
        Assert.Equal(TcpDialer.MaxEndPoints, dialer.EndPoints.Split(' ').Length);
    }

    [Fact]
    public async Task Whatever_a_dialer_throws_is_the_reason()
    {
        var connector = new DialConnector(Resolver(_ => []), new RecordingDialer { Error = new InvalidOperationException("proxy is gone") });
        DialConnectResult result = await connector.ConnectAsync(new DialRequest(DialDriver.NodeOf(1), null, Operator), TestToken);
        Assert.Equal((null, DialStage.Connect, "proxy is gone"), (result.Connection, result.Stage, result.Reason));
    }

    [Fact]
    public async Task A_lookup_that_hangs_ends_after_the_timeout_or_with_the_callers_token()
    {
        var time = new FakeTimeProvider();
        var resolver = new HostNameResolver((_, _) => new TaskCompletionSource<IPAddress[]>().Task, time);
        var connector = new DialConnector(resolver, new TcpDialer());
        Task<DialConnectResult> dial = connector.ConnectAsync(NamedRequest(), TestToken);
        time.Advance(HostNameResolver.Timeout);
        DialConnectResult result = await dial.WaitAsync(TimeSpan.FromSeconds(30), TestToken);
        Assert.Equal((DialStage.Resolve, "the lookup of node.example.org took longer than 5 s"), (result.Stage, result.Reason));

        using var cancellation = new CancellationTokenSource();
        dial = connector.ConnectAsync(NamedRequest(), cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dial.WaitAsync(TimeSpan.FromSeconds(30), TestToken));
    }

    private static DialRequest NamedRequest(int port = 30303, int? sourceId = null, DialAddressPolicy? policy = null) =>
        new(Node.Parse($"enode://{Key}@node.example.org:{port}"), sourceId, policy ?? Operator);

    private static HostNameResolver Resolver(Func<string, IPAddress[]> answer) =>
        new((name, _) => Task.FromResult(answer(name)), new FakeTimeProvider());

    private static DialConnector Connector(Func<string, IPAddress[]>? answer = null) =>
        new(Resolver(answer ?? (_ => throw new InvalidOperationException("nothing to look up"))), new TcpDialer());

    private sealed class RecordingDialer : IDialer
    {
        public string EndPoints { get; private set; } = "";

        public Exception? Error { get; init; }

        public ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
        {
            EndPoints = string.Join(' ', endPoints);
            return Error is null ? new(new DialedConnection(Stream.Null)) : throw Error;
        }
    }
}
