internal import MachineModel

/// The tokens that a server takes, by their digests: `PRINCIPAL sha256:HEX GROUP,GROUP` a line.
///
/// Blank lines, and lines that begin with `#`, say nothing. A principal may have several tokens:
/// so one is replaced by the next without a gap.
public struct TokenFile: Sendable {
  /// The most tokens of a file.
  public static let maximumTokens = 10_000
  /// The most bytes of a file.
  public static let maximumBytes = 16 << 20
  /// The most bytes of a token that somebody shows.
  public static let maximumTokenBytes = 8 << 10

  /// Where a file is wrong and how. It quotes nothing: what stands in a wrong place may be secret.
  public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Counted from 1; 0 = the file as a whole.
    public let line: Int
    /// `principal`, `digest` or `groups`; empty = the line as a whole.
    public let field: String
    /// Goes on with "must …", "is …" or "has …".
    public let problem: String

    /// All of it in one line.
    public var description: String {
      (line == 0 ? "" : "line \(line): ") + (field.isEmpty ? "" : "\(field) ") + problem
    }
  }

  /// A dictionary is enough of a look-up that tells nothing by its time. What it compares are
  /// digests: who guesses tokens does not choose the bytes of a digest, so that how far one matches
  /// leads to no token. Its buckets follow from a seed of this process, which nobody outside knows.
  private var principals: [TokenDigest: Principal] = [:]

  /// How many tokens there are.
  public var count: Int { principals.count }

  /// Reads the bytes of a file. One wrong line makes all of it unusable: a file that is half in
  /// force is nobody's intention.
  public init(_ bytes: [UInt8]) throws(Problem) {
    guard bytes.count <= TokenFile.maximumBytes else {
      throw Problem(line: 0, field: "", problem: "is longer than \(TokenFile.maximumBytes) bytes")
    }
    var lines: [TokenDigest: Int] = [:]
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let fields = line.split { $0 == UInt8(ascii: " ") || $0 == 0x09 || $0 == 0x0D }
      guard let first = fields.first, first.first != UInt8(ascii: "#") else { continue }
      let entry = TokenLine(number: number, fields: fields)
      let (digest, principal) = try entry.read()
      if let earlier = lines.updateValue(number, forKey: digest) {
        throw entry.problem("digest", "is that of line \(earlier) too: each token is one principal")
      }
      if lines.count > TokenFile.maximumTokens {
        throw entry.problem("", "is one too many: \(TokenFile.maximumTokens) tokens at most")
      }
      principals[digest] = principal
    }
  }

  /// Whose token it is; nil = nobody's, or no token at all.
  public func principal(showing token: some Collection<UInt8>) -> Principal? {
    guard !token.isEmpty, token.count <= TokenFile.maximumTokenBytes else { return nil }
    return principals[TokenDigest(of: token)]
  }
}

/// A line of the file that is no comment.
private struct TokenLine {
  let number: Int
  let fields: [ArraySlice<UInt8>]

  func read() throws(TokenFile.Problem) -> (TokenDigest, Principal) {
    let name = try name(fields[0], of: "principal")
    guard !Principal.isReserved(name) else {
      throw problem("principal", "is reserved: anonymous and uid:… are callers without a token")
    }
    guard fields.count > 1 else { throw problem("digest", "is missing: \(TokenLine.form)") }
    guard fields.count <= 3 else { throw problem("", "has more than three fields") }
    let digest = try digest(fields[1])
    let groups = fields.count == 3 ? try groups(fields[2]) : []
    guard let principal = Principal(credentials: .token, name: name, groups: groups) else {
      throw problem("principal", "is no name")
    }
    return (digest, principal)
  }

  func problem(_ field: String, _ problem: String) -> TokenFile.Problem {
    TokenFile.Problem(line: number, field: field, problem: problem)
  }

  private static let form = "write sha256: and 64 hexadecimal digits"

  private func digest(_ field: ArraySlice<UInt8>) throws(TokenFile.Problem) -> TokenDigest {
    let algorithm = "sha256:".utf8
    guard field.starts(with: algorithm),
      let digest = TokenDigest(hexadecimal: field.dropFirst(algorithm.count))
    else { throw problem("digest", "is no digest: \(TokenLine.form)") }
    guard digest != TokenDigest(of: []) else {
      throw problem("digest", "is that of an empty token, which nobody can show")
    }
    return digest
  }

  /// The list may stand in brackets.
  private func groups(_ field: ArraySlice<UInt8>) throws(TokenFile.Problem) -> [String] {
    var list = field
    if list.first == UInt8(ascii: "["), list.last == UInt8(ascii: "]"), list.count > 1 {
      list = list.dropFirst().dropLast()
      if list.isEmpty { return [] }
    }
    var groups: [String] = []
    var seen: Set<ExactText> = []
    for part in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let group = try name(part, of: "groups")
      guard seen.insert(ExactText(group)).inserted else {
        throw problem("groups", "has a group twice")
      }
      guard seen.count <= Principal.maximumGroups else {
        throw problem("groups", "has more than \(Principal.maximumGroups) groups")
      }
      groups.append(group)
    }
    return groups
  }

  private func name(
    _ bytes: ArraySlice<UInt8>, of field: String
  ) throws(TokenFile.Problem) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw problem(field, "is no text in UTF-8")
    }
    guard Principal.isName(text) else {
      throw problem(
        field,
        "has a name that is none: 1 to \(Principal.maximumNameBytes) bytes, no control characters")
    }
    return text
  }
}
