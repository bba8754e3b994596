internal import FoundationEssentials
internal import JWTKit
internal import MachineModel

/// The public keys of an issuer: a JSON Web Key Set (RFC 7517).
///
/// Keys that cannot verify tokens are passed over, as the RFC asks: those of other uses, of kinds
/// that are not known, and symmetric ones, which everybody who can verify could also sign with.
public struct KeySet: Sendable {
  /// The most bytes of a file.
  public static let maximumBytes = 1 << 20
  /// The most keys of a set.
  public static let maximumKeys = 100

  /// Why a file is no set that can be used. It quotes nothing but ids of keys.
  public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    /// `keys[2]`, or empty: the file as a whole.
    public let place: String
    /// Goes on with "is …", "has …" or a field's name.
    public let problem: String

    /// All of it in one line.
    public var description: String { place.isEmpty ? problem : "\(place): \(problem)" }
  }

  private let keys: [ExactText: VerificationKey]
  /// The one key of the set, which tokens without an id of a key mean.
  private let only: VerificationKey?
  /// How many keys are passed over.
  public let ignored: Int

  /// How many keys can verify tokens.
  public let usable: Int

  /// Reads the bytes of a file. One key that is wrong makes all of it unusable.
  public init(_ bytes: [UInt8]) async throws(Problem) {
    guard bytes.count <= KeySet.maximumBytes else {
      throw Problem(place: "", problem: "is longer than \(KeySet.maximumBytes) bytes")
    }
    guard case .array(let entries)? = StrictJSON(bytes)?["keys"] else {
      throw Problem(place: "", problem: "is no JSON object with a list of keys")
    }
    guard entries.count <= KeySet.maximumKeys else {
      throw Problem(place: "keys", problem: "are more than \(KeySet.maximumKeys)")
    }
    var (all, ids): ([VerificationKey], Set<ExactText>) = ([], [])
    for (index, entry) in entries.enumerated() {
      let reader = KeyReader(entry: entry, place: "keys[\(index)]")
      if let id = try reader.id, !ids.insert(id).inserted {
        throw reader.problem("has the kid of an earlier key")
      }
      if let key = try await reader.key() { all.append(key) }
    }
    guard !all.isEmpty else {
      throw Problem(place: "keys", problem: "has none that could verify a token")
    }
    only = all.count == 1 ? all[0] : nil
    (usable, ignored) = (all.count, entries.count - all.count)
    var keys: [ExactText: VerificationKey] = [:]
    for key in all {
      if let id = key.id {
        keys[id] = key
      } else if all.count > 1 {
        throw Problem(
          place: "keys", problem: "has one without kid, which only a single key needs not")
      }
    }
    self.keys = keys
  }

  /// The key that a token names; nil = there is none, or the token names none of several.
  func key(_ id: String?) -> VerificationKey? {
    if let id { keys[ExactText(id)] } else { only }
  }
}

/// One key, and what it verifies.
struct VerificationKey: Sendable {
  /// nil = the key has none.
  let id: ExactText?
  /// Made once: nothing of a key is decoded for a token.
  fileprivate let algorithms: [SignatureAlgorithm: any JWTAlgorithm]
  /// The length of its signatures: a modulus of RSA (RFC 8017, section 8), else two coordinates
  /// (RFC 7518, section 3.4; RFC 8032, section 5.1.6).
  let signatureBytes: Int

  /// Whether tokens may be signed so for this key.
  func takes(_ algorithm: SignatureAlgorithm) -> Bool { algorithms[algorithm] != nil }

  /// Whether the signature is that of the key's owner. Takes up to a millisecond.
  func verify(
    _ signature: [UInt8], of signed: [UInt8], by algorithm: SignatureAlgorithm
  ) -> Bool {
    // What has not even the form of a signature is thrown.
    (try? algorithms[algorithm]?.verify(signature, signs: signed)) ?? false
  }
}

/// Reads one element of `keys`.
private struct KeyReader {
  let entry: StrictJSON
  let place: String

  /// RSA's modulus, in bytes: shorter ones are weak, longer ones take too long.
  static let modulusBytes = 256...1_024
  /// RSA's exponent: no issuer has another than 65537, of three bytes.
  static let exponentBytes = 1...4

  var id: ExactText? {
    get throws(KeySet.Problem) { try text("kid").map { ExactText($0) } }
  }

  /// nil = it is for something else.
  func key() async throws(KeySet.Problem) -> VerificationKey? {
    guard case .object = entry, let type = try text("kty") else {
      throw problem("is no key: it has no kty")
    }
    guard let kind = SignatureAlgorithm.KeyKind(type: type, curve: try text("crv")),
      try isForVerifying
    else { return nil }
    var algorithms = kind.algorithms
    if let own = try text("alg") { algorithms.removeAll { $0.rawValue != own } }
    if algorithms.isEmpty { return nil }
    guard entry["d"] == nil else { throw problem("is a private key: give its public part only") }
    var made: [SignatureAlgorithm: any JWTAlgorithm] = [:]
    for algorithm in algorithms { made[algorithm] = try await make(kind, algorithm) }
    let signatureBytes = try kind == .rsa ? modulus.count : 2 * kind.coordinateBytes
    return VerificationKey(id: try id, algorithms: made, signatureBytes: signatureBytes)
  }

  private var isForVerifying: Bool {
    get throws(KeySet.Problem) {
      if let use = try text("use"), use != "sig" { return false }
      guard let operations = entry["key_ops"] else { return true }
      guard let texts = operations.texts else { throw problem("key_ops is no list of texts") }
      return texts.contains("verify")
    }
  }

  private func make(
    _ kind: SignatureAlgorithm.KeyKind, _ algorithm: SignatureAlgorithm
  ) async throws(KeySet.Problem) -> any JWTAlgorithm {
    // The collection asks for an id, and looks at nothing else of it.
    let id = JWKIdentifier(string: "key")
    let name = JWK.Algorithm(rawValue: algorithm.rawValue)
    let key: JWK
    switch kind {
    case .rsa:
      key = .rsa(
        name, identifier: id, modulus: try number("n", Self.modulusBytes),
        exponent: try number("e", Self.exponentBytes))
    case .p256, .p384, .p521:
      let size = kind.coordinateBytes
      key = .ecdsa(
        name, identifier: id, x: try coordinate("x", size), y: try coordinate("y", size),
        curve: try text("crv").flatMap { ECDSACurve(rawValue: $0) })
    case .ed25519:
      key = .octetKeyPair(
        name, identifier: id, x: try coordinate("x", kind.coordinateBytes), y: nil,
        curve: .ed25519)
    }
    do {
      let collection = JWTKeyCollection()
      try await collection.add(jwk: key)
      return try await collection.getKey(for: id, alg: algorithm.rawValue)
    } catch {
      throw problem("is no key of its kty")
    }
  }

  private func coordinate(_ name: ExactText, _ size: Int) throws(KeySet.Problem) -> String {
    let (text, bytes) = try bytes(name)
    guard bytes.count == size else { throw problem("\(name.text) must have \(size) bytes") }
    return text
  }

  /// Some write a zero in front, as for numbers with a sign.
  private var modulus: ArraySlice<UInt8> {
    get throws(KeySet.Problem) { try bytes("n").bytes.drop { $0 == 0 } }
  }

  private func number(
    _ name: ExactText, _ size: ClosedRange<Int>
  ) throws(KeySet.Problem) -> String {
    let (text, bytes) = try bytes(name)
    // Some write a zero in front, as for numbers with a sign.
    guard size.contains(bytes.drop { $0 == 0 }.count) else {
      throw problem(
        "\(name.text) must have \(size.lowerBound * 8) to \(size.upperBound * 8) bits")
    }
    return text
  }

  private func bytes(
    _ name: ExactText
  ) throws(KeySet.Problem) -> (text: String, bytes: [UInt8]) {
    guard let text = try text(name) else { throw problem("\(name.text) is missing") }
    guard let bytes = Base64URL.decoded(text.utf8) else {
      throw problem("\(name.text) is no base64url")
    }
    return (text, bytes)
  }

  /// A member's text; nil = there is no such member.
  private func text(_ name: ExactText) throws(KeySet.Problem) -> String? {
    guard let value = entry[name] else { return nil }
    guard let text = value.text else { throw problem("\(name.text) is no text") }
    return text
  }

  func problem(_ problem: String) -> KeySet.Problem {
    KeySet.Problem(place: place, problem: problem)
  }
}
