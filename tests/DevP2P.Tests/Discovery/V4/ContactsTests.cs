using System.Net;
using DevP2P.Discovery.V4;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

public sealed class ContactsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Threat", "T01")]
    public void The_owner_of_one_network_cannot_push_out_the_proofs_of_others(bool isIPv6)
    {
        var contacts = new Contacts();
        ContactKey honest = new(TableNodes.IdOf(1), TableNodes.AddressOf(1));
        contacts.AddProof(TimeSpan.FromHours(1), honest);
        IPAddress Address(int i) => isIPv6 ? IPAddress.Parse($"2600::{i + 1:x}") : new IPAddress([8, 8, 8, (byte)i]);
        for (int i = 0; i < Discv4Limits.MaxContacts + 1000; i++)
        {
            contacts.AddProof(TimeSpan.FromHours(2) + TimeSpan.FromSeconds(i), new ContactKey(TableNodes.IdOf(10 + i), Address(i)));
        }

        Assert.Equal(Discv4Limits.MaxContactsPerNetwork + 1, contacts.Count);
        Assert.NotNull(contacts.Find(honest));
        Assert.True(contacts.HasAny(honest.Address));
        int last = Discv4Limits.MaxContacts + 999;
        Assert.NotNull(contacts.Find(new ContactKey(TableNodes.IdOf(10 + last), Address(last))));
        Assert.Null(contacts.Find(new ContactKey(TableNodes.IdOf(10), Address(0))));
        Assert.False(isIPv6 && contacts.HasAny(Address(0)));
    }

    [Fact]
    public void All_proofs_together_are_bounded_and_the_oldest_go()
    {
        var contacts = new Contacts();
        for (int i = 0; i < 2 * Discv4Limits.MaxContacts; i++)
        {
            contacts.AddProof(TimeSpan.FromSeconds(i), new ContactKey(TableNodes.IdOf(i), TableNodes.AddressOf(i)));
            Assert.True(contacts.Count <= Discv4Limits.MaxContacts);
        }

        Assert.False(contacts.HasAny(TableNodes.AddressOf(0)));
        Assert.True(contacts.HasAny(TableNodes.AddressOf((2 * Discv4Limits.MaxContacts) - 1)));
    }
}
