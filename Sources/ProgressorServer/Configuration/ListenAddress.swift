public import GRPC

extension ServerAddress {
  /// The longest path that `sockaddr_un` can hold.
  static let maximumPathBytes = 107

  /// Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`; the error says what is wrong.
  public init(parsing text: String) throws(InvalidAddress) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      if path.isEmpty { throw InvalidAddress("\"\(text)\" has no path: write unix:PATH") }
      if path.utf8.count > ServerAddress.maximumPathBytes {
        throw InvalidAddress(
          "the path of a Unix socket may have \(ServerAddress.maximumPathBytes) bytes, "
            + "\"\(path)\" has \(path.utf8.count): choose a shorter one")
      }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":") else {
      throw InvalidAddress("\"\(text)\" is no address: write HOST:PORT or unix:PATH")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw InvalidAddress("\"\(text)\": write an IPv6 address in brackets, [::1]:7070")
    }
    if host.isEmpty {
      throw InvalidAddress("\"\(text)\" has no host: write 0.0.0.0:PORT to serve on all addresses")
    }
    guard let port = UInt16(text[text.index(after: colon)...]) else {
      throw InvalidAddress("\"\(text)\": the port must be a number from 0 to 65535")
    }
    self = .tcp(host: String(host), port: Int(port))
  }
}

/// Why a text is no address.
public struct InvalidAddress: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong, and what would be right.
  public let description: String

  init(_ description: String) { self.description = description }
}
