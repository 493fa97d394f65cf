namespace DevP2P.Dialing;

/// <summary>What is known of a candidate from earlier meetings. The default value is that of a stranger.</summary>
/// <param name="Score">Greater is better; a stranger has 0.</param>
/// <param name="IsShunned">True for a node that is not to be dialed on the word of sources until its score has recovered.</param>
/// <param name="IsBanned">True for a node that is not to be dialed at all.</param>
internal readonly record struct DialStanding(double Score, bool IsShunned, bool IsBanned);
