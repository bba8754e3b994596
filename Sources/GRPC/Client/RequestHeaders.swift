import HTTP2
import NIOCore

/// The header fields of requests (gRPC over HTTP/2, "Requests").
struct RequestHeaders: Sendable {
  /// Pseudo-header fields that are the same for all; they go first.
  static let prefix = StaticHeaders([":method": "POST", ":scheme": "http"])
  /// The same on a connection that is secured.
  static let securedPrefix = StaticHeaders([":method": "POST", ":scheme": "https"])

  private let authority: String
  private let userAgent: String
  private let encoding: MessageEncoding

  init(configuration: ChannelConfiguration, target: ChannelTarget) {
    authority = configuration.authority ?? target.authority
    userAgent = configuration.userAgent
    encoding = configuration.requestEncoding
  }

  /// Writes the fields after ``prefix``.
  ///
  /// - Parameters:
  ///   - list: is emptied first; its memory is used again.
  ///   - timeout: what is left until the deadline; nil sends none.
  func write(
    path: String, metadata: Metadata, timeout: TimeAmount?, into list: inout HeaderList
  ) {
    list.removeAll()
    list.append(":path", path)
    list.append(":authority", authority)
    list.append("te", "trailers")
    if let timeout { list.append("grpc-timeout", Timeout.format(timeout)) }
    list.append("content-type", "application/grpc")
    if encoding != .identity { list.append("grpc-encoding", encoding.rawValue) }
    list.append("grpc-accept-encoding", MessageEncoding.acceptHeader)
    list.append("user-agent", userAgent)
    metadata.forEachField { name, value in list.append(name, value) }
  }
}
