internal import ProgressorAccess

/// Tokens whose signatures were verified, by their digests, so that the next call with one costs no
/// more than a static token's. The ones used lately stay: two generations, of which the older
/// leaves when the younger is full.
struct VerifiedTokens {
  /// The most tokens of a generation.
  static let maximumTokens = 5_000
  /// The most bytes of a generation's tokens: names and groups take not much more.
  static let maximumBytes = 4 << 20

  private struct Entry {
    let accepted: TokenIssuer.Accepted
    let bytes: Int
  }

  private var young: [TokenDigest: Entry] = [:]
  private var old: [TokenDigest: Entry] = [:]
  private var youngBytes = 0

  /// How many there are.
  var count: Int { young.count + old.count }

  /// Whose token it is, if it was verified and is still valid. `now` is in microseconds since 1970.
  mutating func principal(_ digest: TokenDigest, now: Int64) -> Principal? {
    if let entry = young[digest] {
      if now < entry.accepted.expires { return entry.accepted.principal }
      young[digest] = nil
      youngBytes -= entry.bytes
      return nil
    }
    guard let entry = old.removeValue(forKey: digest), now < entry.accepted.expires else {
      return nil
    }
    keep(digest, entry)
    return entry.accepted.principal
  }

  /// Remembers a token of so many bytes.
  mutating func insert(_ digest: TokenDigest, _ accepted: TokenIssuer.Accepted, bytes: Int) {
    old[digest] = nil
    if let earlier = young.removeValue(forKey: digest) { youngBytes -= earlier.bytes }
    keep(digest, Entry(accepted: accepted, bytes: bytes))
  }

  private mutating func keep(_ digest: TokenDigest, _ entry: Entry) {
    if young.count >= Self.maximumTokens || youngBytes + entry.bytes > Self.maximumBytes {
      (old, young, youngBytes) = (young, [:], 0)
    }
    young[digest] = entry
    youngBytes += entry.bytes
  }
}
