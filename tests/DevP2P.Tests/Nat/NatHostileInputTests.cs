using System.Net;
using System.Text;
using DevP2P.Nat;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>A million inputs for each parser of what routers and servers answer: noise, and good answers that were damaged.</summary>
[Trait("Threat", "T13")]
public sealed class NatHostileInputTests
{
    private const int Million = 1_000_000;

    /// <summary>What one input may cost: a few addresses and endpoints, whatever lengths it names.</summary>
    private const long MaxBytesPerInput = 4096;

    private static readonly IPEndPoint Mapped4 = IPEndPoint.Parse("198.51.100.7:4000");
    private static readonly IPEndPoint Mapped6 = IPEndPoint.Parse("[2001:db8::7]:4000");
    private static readonly byte[] StunRequest = StunCodec.BindingRequest(UInt128.One, StunChange.Both);
    private static readonly byte[] PcpRequest = PcpCodec.MapRequest(IPAddress.Loopback, new PcpMap(1, NatProtocol.Udp, 30303), 30303, 60);

    [Fact]
    public void NatPmp() => Attack(
        static packet => NatPmpCodec.TryDecode(packet, out _),
        [
            FakeNatPmp.AddressIs(FakeNatPmp.Address),
            FakeNatPmp.Grant(NatPmpCodec.MappingRequest(NatPmpOperation.MapTcp, 1, 2, 3)),
            FakeNatPmp.Refuse(NatPmpCodec.AddressRequest(), 3),
            Hex("02 80 00 01 0000001E 00000007 000000000000000000000000"),
        ]);

    [Fact]
    public void Pcp() => Attack(
        static packet => PcpCodec.TryDecode(packet, out _),
        [
            FakePcp.Grant(PcpRequest),
            [.. FakePcp.Grant(PcpRequest, Mapped6.Address), 1, 0, 0, 4, 1, 2, 3, 4],
            FakePcp.Answer(PcpRequest, 11),
            FakePcp.Answer(PcpCodec.AnnounceRequest(IPAddress.Loopback), 0),
            Hex("00 81 0001 00000005"),
        ]);

    [Fact]
    public void Stun() => Attack(
        static packet => StunCodec.TryDecode(packet, out _),
        [
            FakeStun.Answer(StunRequest, Mapped4, Mapped4),
            FakeStun.Answer(StunRequest, Mapped6, Mapped6, [0x80, 0x22, 0, 3, 1, 2, 3, 0]),
            FakeStun.Error(StunRequest, 4, 20),
            StunRequest,
        ]);

    [Fact]
    public void Routing_tables()
    {
        string[] good =
        [
            "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0   \n",
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003 eth0\n",
        ];
        string lines = string.Concat(Enumerable.Repeat(string.Concat(good), 3));
        Attack(
            static text => RouteTable.ReadIPv4(Encoding.Latin1.GetString(text)).Count + RouteTable.ReadIPv6(Encoding.Latin1.GetString(text)).Count > 0,
            [.. good.Append(lines).Select(Encoding.Latin1.GetBytes)], Million / 20, maxBytesPerInput: 4 * MaxBytesPerInput);
    }

    /// <summary>Nothing is thrown, nothing allocates much, and some of the damaged inputs still pass, or the test would try nothing.</summary>
    private static void Attack(Func<byte[], bool> parse, byte[][] good, int count = Million, long maxBytesPerInput = MaxBytesPerInput)
    {
        Assert.All(good, packet => Assert.True(parse(packet)));
        var random = new Random(20260301);
        int accepted = 0;
        long most = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] input = i % 4 == 0 ? Noise(random) : Damage(random, good[random.Next(good.Length)]);
            long before = GC.GetAllocatedBytesForCurrentThread();
            accepted += parse(input) ? 1 : 0;
            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.InRange(accepted, count / 1000, count - (count / 10));
        Assert.True(most <= maxBytesPerInput, $"one input cost {most} bytes");
    }

    private static byte[] Noise(Random random)
    {
        byte[] bytes = new byte[random.Next(random.Next(20) == 0 ? 2000 : 80)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Damage(Random random, byte[] good)
    {
        byte[] bytes = [.. good];
        for (int changes = random.Next(1, 4); changes > 0 && bytes.Length > 0; changes--)
        {
            int position = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0:
                    bytes[position] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[position] = (byte)(random.Next(2) * 255);
                    break;
                case 2:
                    bytes = bytes[..position];
                    break;
                case 3:
                    bytes = [.. bytes[..position], .. bytes[(position / 2)..]];
                    break;
                default:
                    bytes[position] = (byte)random.Next(256);
                    break;
            }
        }

        return bytes;
    }
}
