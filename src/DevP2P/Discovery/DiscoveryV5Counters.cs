namespace DevP2P.Discovery;

/// <summary>What became of the packets of discovery v5 since the start.</summary>
/// <param name="Received">Datagrams that were meant for it.</param>
/// <param name="OverRate">Dropped: more than one address may send.</param>
/// <param name="Overflowed">Dropped: more than could be worked off.</param>
/// <param name="Malformed">Dropped: no packets, or no messages in them.</param>
/// <param name="Unwanted">Dropped: answers that nobody waits for, handshakes and challenges that nothing asked for.</param>
/// <param name="Handled">Messages that the protocol has seen.</param>
/// <param name="ChallengesSent">WHOAREYOU packets sent.</param>
/// <param name="ChallengesWithheld">WHOAREYOU packets not sent, because one address may not have more.</param>
/// <param name="HandshakesAccepted">Handshakes of others that made a session.</param>
/// <param name="HandshakesRejected">Handshakes of others with a bad proof, a bad record or a message that could not be read.</param>
/// <param name="Sent">Packets sent.</param>
public sealed record DiscoveryV5Counters(
    long Received,
    long OverRate,
    long Overflowed,
    long Malformed,
    long Unwanted,
    long Handled,
    long ChallengesSent,
    long ChallengesWithheld,
    long HandshakesAccepted,
    long HandshakesRejected,
    long Sent);
