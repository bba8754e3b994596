public import MachineModel
public import ProgressorAccess
internal import Synchronization

/// Says whose a JSON Web Token is (RFC 7519). From any thread; nothing waits.
///
/// A forged token costs its sender's bytes and some JSON; a signature is checked only of a token
/// that is right in everything else and names a key that is there, and only so often in vain. That
/// of a good token is checked once.
public final class TokenVerifier: Sendable {
  /// What is said of a token.
  public enum Verdict: Sendable, Hashable {
    /// It is this principal's.
    case principal(Principal)
    /// It is nobody's, whatever the reason.
    case bad
    /// It was not looked at: too many were bad.
    case tooManyBad
  }

  /// How tokens fared.
  public struct Counts: Sendable, Hashable {
    /// Signatures that were right.
    public var verified: UInt64 = 0
    /// Tokens whose signature had been verified before.
    public var known: UInt64 = 0
    /// Tokens that were wrong in what they say of themselves.
    public var refused: UInt64 = 0
    /// Signatures that were wrong.
    public var forged: UInt64 = 0
    /// Tokens that were not looked at.
    public var limited: UInt64 = 0
    /// Keys in force.
    public var usableKeys = 0
    /// Keys of their file that are passed over.
    public var ignoredKeys = 0
  }

  private struct State {
    var keys: KeySet
    /// Grows with each new set of keys.
    var generation = 0
    var verified = VerifiedTokens()
    var failures: FailureBudget
    var counts = Counts()
  }

  private let issuer: TokenIssuer
  private let state: Mutex<State>

  /// - Parameter uptime: Now, as ``verdict(on:connection:at:)`` is told it.
  public init(_ issuer: TokenIssuer, keys: KeySet, uptime: Int64) {
    self.issuer = issuer
    state = Mutex(State(keys: keys, failures: FailureBudget(now: uptime)))
  }

  /// How tokens fared since the start.
  public var counts: Counts {
    state.withLock { state in
      var counts = state.counts
      (counts.usableKeys, counts.ignoredKeys) = (state.keys.usable, state.keys.ignored)
      return counts
    }
  }

  /// Puts other keys in force: what was verified by the old ones is verified again.
  public func replace(keys: KeySet) {
    state.withLock { state in
      state.keys = keys
      state.generation += 1
      state.verified = VerifiedTokens()
    }
  }

  /// Whether it has a token's form: three parts with dots between.
  public static func isToken(_ bytes: [UInt8]) -> Bool { CompactToken.hasShape(bytes) }

  /// - Parameters:
  ///   - connection: A number of the connection that it came on.
  ///   - time: The time of day, and microseconds of a clock that only goes forward.
  public func verdict(
    on token: [UInt8], connection: UInt64, at time: (wall: Timestamp, uptime: Int64)
  ) -> Verdict {
    guard token.count <= TokenFile.maximumTokenBytes else { return refused }
    let digest = TokenDigest(of: token)
    let now = time.wall.microseconds
    let (known, keys, generation) = state.withLock { state in
      let known = state.verified.principal(digest, now: now)
      if known != nil { state.counts.known += 1 }
      return (known, state.keys, state.generation)
    }
    if let known { return .principal(known) }
    guard let parsed = CompactToken(token), let key = keys.key(parsed.keyID),
      key.takes(parsed.algorithm), parsed.signature.count == key.signatureBytes,
      let accepted = issuer.accept(parsed.claims, now: now)
    else { return refused }
    let mayCheck = state.withLock { state in
      if state.failures.take(connection, now: time.uptime) { return true }
      state.counts.limited += 1
      return false
    }
    guard mayCheck else { return .tooManyBad }
    let isGenuine = key.verify(parsed.signature, of: parsed.signed, by: parsed.algorithm)
    return state.withLock { state in
      guard isGenuine else {
        state.counts.forged += 1
        return .bad
      }
      state.counts.verified += 1
      state.failures.giveBack(connection, now: time.uptime)
      // By keys that are no more in force it is good for this call only.
      if state.generation == generation {
        state.verified.insert(digest, accepted, bytes: token.count)
      }
      return .principal(accepted.principal)
    }
  }

  private var refused: Verdict {
    state.withLock { $0.counts.refused += 1 }
    return .bad
  }
}
