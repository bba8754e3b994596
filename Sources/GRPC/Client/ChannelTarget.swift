import NIOCore

/// Where a channel connects to, in the forms of gRPC's `doc/naming.md`.
///
/// `host:port`, `dns:host:port`, `dns:///host:port`; `1.2.3.4:port`, `ipv4:1.2.3.4:port`,
/// `[::1]:port`, `ipv6:[::1]:port`; `unix:path`, `unix:///absolute/path`.
public struct ChannelTarget: Sendable, Hashable {
  /// What kind of address it is.
  public enum Address: Sendable, Hashable {
    /// A name to look up, or a literal IP address. The port is 1 to 65,535.
    case host(String, port: Int)
    /// A Unix domain socket.
    case unixSocket(path: String)
  }

  /// The longest path that fits into `sockaddr_un` with its final NUL. Bytes.
  static let maximumPathLength = 107

  /// Where to connect.
  public let address: Address

  /// A host and a port, a path.
  public init(_ address: Address) {
    self.address = address
  }

  /// Reads a target.
  ///
  /// - Throws: ``ChannelTargetError``, which says what is wrong with the text.
  public init(_ text: String) throws(ChannelTargetError) {
    let (scheme, rest) = Self.splitScheme(text)
    switch scheme {
    case "unix": address = try Self.unixSocket(rest, text: text)
    case "ipv6" where !rest.hasPrefix("["): throw ChannelTargetError(text, "write [address]:port")
    default: address = try Self.hostAndPort(rest, text: text)
    }
    if scheme == "ipv4", case .host(let host, _) = address, !Self.isIPv4(host) {
      throw ChannelTargetError(text, "write an IPv4 address, or a name without \"ipv4:\"")
    }
  }

  /// The value for `:authority`.
  public var authority: String {
    switch address {
    case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket: "localhost"
    }
  }

  private static func splitScheme(_ text: String) -> (scheme: String, rest: Substring) {
    for scheme in ["unix", "dns", "ipv4", "ipv6"] {
      guard text.hasPrefix(scheme + ":") else { continue }
      let rest = text.dropFirst(scheme.utf8.count + 1)
      // "dns:1234" is a host of that name, not a scheme.
      if scheme != "unix", rest.allSatisfy(\.isNumber) { break }
      return (scheme, rest.hasPrefix("//") && scheme != "unix" ? afterAuthority(rest) : rest)
    }
    return ("", text[...])
  }

  /// Cuts the `//server/` of a `dns://server/host:port`, whose server is usually empty.
  private static func afterAuthority(_ rest: Substring) -> Substring {
    guard let slash = rest.dropFirst(2).firstIndex(of: "/") else { return rest.dropFirst(2) }
    return rest[rest.index(after: slash)...]
  }

  private static func unixSocket(
    _ rest: Substring, text: String
  ) throws(ChannelTargetError) -> Address {
    let path = rest.hasPrefix("///") ? String(rest.dropFirst(2)) : String(rest)
    if path.isEmpty { throw ChannelTargetError(text, "the path is missing") }
    if path.hasPrefix("//") { throw ChannelTargetError(text, "write unix:path or unix:///path") }
    guard path.utf8.count <= maximumPathLength else {
      throw ChannelTargetError(text, "the path is longer than \(maximumPathLength) bytes")
    }
    if path.utf8.contains(0) { throw ChannelTargetError(text, "the path contains a NUL") }
    return .unixSocket(path: path)
  }

  private static func hostAndPort(
    _ rest: Substring, text: String
  ) throws(ChannelTargetError) -> Address {
    let host: Substring
    let port: Substring
    if rest.hasPrefix("[") {
      guard let bracket = rest.firstIndex(of: "]") else {
        throw ChannelTargetError(text, "the ']' is missing")
      }
      host = rest[rest.index(after: rest.startIndex)..<bracket]
      guard host.isEmpty || Self.isIPv6(host) else {
        throw ChannelTargetError(text, "write an IPv6 address in the brackets")
      }
      let after = rest[rest.index(after: bracket)...]
      guard after.hasPrefix(":") else { throw ChannelTargetError(text, "the port is missing") }
      port = after.dropFirst()
    } else {
      guard let colon = rest.lastIndex(of: ":") else {
        throw ChannelTargetError(text, "the port is missing; write host:port")
      }
      host = rest[..<colon]
      port = rest[rest.index(after: colon)...]
      if host.contains(":") {
        throw ChannelTargetError(text, "write an IPv6 address as [address]:port")
      }
    }
    if host.isEmpty { throw ChannelTargetError(text, "the host is missing") }
    guard host.utf8.count <= 255, host.utf8.allSatisfy(isHostByte) else {
      throw ChannelTargetError(text, "the host is no name or address")
    }
    guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int(port), (1...65_535).contains(number)
    else { throw ChannelTargetError(text, "the port must be a number from 1 to 65535") }
    return .host(String(host), port: number)
  }

  /// Four decimal numbers of a byte each.
  private static func isIPv4(_ host: String) -> Bool {
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
  }

  /// An address as `inet_pton` reads it, with or without a zone.
  private static func isIPv6(_ host: Substring) -> Bool {
    guard host.contains(":") else { return false }
    return (try? SocketAddress(ipAddress: String(host.prefix { $0 != "%" }), port: 0)) != nil
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
      true
    default: false
    }
  }
}

extension ChannelTarget: CustomStringConvertible {
  /// The target as it is written.
  public var description: String {
    switch address {
    case .host: authority
    case .unixSocket(let path): "unix:\(path)"
    }
  }
}

/// A text that is no target.
public struct ChannelTargetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The text.
  public let text: String
  /// What is wrong with it.
  public let problem: String

  init(_ text: String, _ problem: String) {
    self.text = text
    self.problem = problem
  }

  /// The text and what is wrong with it.
  public var description: String { "\"\(text)\" is no valid endpoint: \(problem)" }
}
