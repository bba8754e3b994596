public import MachineModel

/// Who asks.
///
/// Rules know a principal by its name alone, so a name that stands for how somebody came
/// (`anonymous`, `uid:0`) is nobody's who came otherwise: no token file and no issuer can give it.
public struct Principal: Sendable, Hashable {
  /// By what the caller is known.
  public enum Kind: Sendable, Hashable {
    /// A token in the request's `authorization`.
    case bearer
    /// The certificate of its connection.
    case certificate
    /// The user of the process at the other end of a Unix socket, `uid:N`.
    case socketPeer
    /// Nothing.
    case anonymous
  }

  /// The most bytes of UTF-8 that a name, or a group's, may have.
  public static let maximumNameBytes = 256
  /// The most groups of one principal.
  public static let maximumGroups = 100
  /// The name of who has no credentials.
  public static let anonymousName = "anonymous"
  /// How the names of Unix sockets' peers begin.
  static let socketPeerPrefix = "uid:"

  /// By what the caller is known.
  public let kind: Kind
  /// What rules call it: exactly these bytes.
  public let name: ExactText
  /// In no order that means anything.
  public let groups: Set<ExactText>

  /// Who comes without credentials.
  public static let anonymous = Principal(
    checked: .anonymous, ExactText(anonymousName), groups: [])

  /// The process of user `uid` on this machine.
  public static func socketPeer(uid: UInt32) -> Principal {
    Principal(checked: .socketPeer, ExactText("\(socketPeerPrefix)\(uid)"), groups: [])
  }

  /// Who showed a token or a certificate; nil when no such principal can be: a name is 1 to 256
  /// bytes without control characters, `anonymous` and `uid:…` are nobody's, there are at most 100
  /// groups.
  public init?(credentials: Credentials, name: String, groups: some Collection<String>) {
    guard Principal.isName(name), !Principal.isReserved(name), groups.allSatisfy(Principal.isName),
      groups.count <= Principal.maximumGroups
    else { return nil }
    self.init(
      checked: credentials == .token ? .bearer : .certificate, ExactText(name),
      groups: Set(groups.map { ExactText($0) }))
  }

  /// What a caller can show.
  public enum Credentials: Sendable, Hashable {
    /// ``Principal/Kind/bearer``.
    case token
    /// ``Principal/Kind/certificate``.
    case certificate
  }

  private init(checked kind: Kind, _ name: ExactText, groups: Set<ExactText>) {
    self.kind = kind
    self.name = name
    self.groups = groups
  }

  /// Whether it can be the name of a principal or of a group.
  public static func isName(_ text: String) -> Bool {
    (1...maximumNameBytes).contains(text.utf8.count)
      && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
  }

  /// Whether a name stands for how somebody came, so that no credentials may bring it.
  public static func isReserved(_ name: String) -> Bool {
    name.isExactly(anonymousName) || name.utf8.starts(with: socketPeerPrefix.utf8)
  }
}
