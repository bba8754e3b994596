/// An address that may be posted to: `http` or `https`, with a host, and without what has no place
/// in a configuration that people are shown.
public struct WebhookURL: Sendable, Hashable {
  /// The whole address. Its query may hold a secret of the receiver's: it is not to be shown.
  public let text: String
  /// The host, and the port if one is given: what an operator may be shown.
  public let authority: String

  /// Bytes that an address may have.
  public static let maximumBytes = 2048

  /// Reads an address (RFC 3986). The error says what is wrong with it, and nothing of its text.
  public init(_ text: String) throws(WebhookURLError) {
    let bytes = text.utf8
    guard bytes.count <= WebhookURL.maximumBytes else { throw .length }
    guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .characters }
    let lowered = text.lowercased()
    let schemes = ["https://", "http://"]
    guard let scheme = schemes.first(where: lowered.hasPrefix) else { throw .scheme }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { !"/?#".contains($0) }
    guard !authority.contains("@") else { throw .userInfo }
    guard !rest.contains("#") else { throw .fragment }
    try WebhookURL.check(authority: authority)
    guard WebhookURL.isWellFormed(rest.utf8.dropFirst(authority.utf8.count)) else {
      throw .characters
    }
    self.text = text
    self.authority = String(authority)
  }

  private static func check(authority: Substring) throws(WebhookURLError) {
    let host: Substring
    let port: Substring
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { throw .host }
      host = authority[...end]
      guard host.count > 2, host.dropFirst().dropLast().utf8.allSatisfy(standsInIPv6) else {
        throw .host
      }
      port = authority[authority.index(after: end)...]
    } else {
      host = authority.prefix { $0 != ":" }
      port = authority[host.endIndex...]
      guard !host.isEmpty, host.utf8.allSatisfy(standsInName) else { throw .host }
    }
    if port.isEmpty { return }
    guard port.hasPrefix(":"), port.utf8.dropFirst().allSatisfy(isDigit),
      let number = Int(port.dropFirst()), (1...65_535).contains(number)
    else { throw .port }
  }

  /// Path and query hold what RFC 3986 allows there (3.3 and 3.4), and whole percent-encodings.
  private static func isWellFormed(_ bytes: Substring.UTF8View) -> Bool {
    var rest = bytes
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst(), let low = rest.popFirst(), isHexadecimal(high),
          isHexadecimal(low)
        else { return false }
      } else if !isDigit(byte), !isLetter(byte), !"-._~!$&'()*+,;=:@/?".utf8.contains(byte) {
        return false
      }
    }
    return true
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
  }

  private static func standsInName(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLetter(byte) || "-._".utf8.contains(byte)
  }

  private static func standsInIPv6(_ byte: UInt8) -> Bool {
    isHexadecimal(byte) || ":.".utf8.contains(byte)
  }
}

/// What is wrong with an address.
public enum WebhookURLError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It is too long.
  case length
  /// Something stands in it that may not.
  case characters
  /// It is neither `http` nor `https`.
  case scheme
  /// It names a user, or a password.
  case userInfo
  /// It has a fragment.
  case fragment
  /// It has no host, or one that is none.
  case host
  /// Its port is none.
  case port

  public var description: String {
    switch self {
    case .length: "is longer than \(WebhookURL.maximumBytes) bytes"
    case .characters: "has a character that must be percent-encoded"
    case .scheme: "does not begin with https:// or http://"
    case .userInfo: "has a user or password: webhooks are signed instead, see `secret`"
    case .fragment: "has a fragment (#), which is never sent"
    case .host: "has no host, or one that is neither a name nor an address"
    case .port: "has a port that is not a number from 1 to 65535"
    }
  }
}
