/// How the messages of a call are encoded: the value of `grpc-encoding` (gRPC
/// `doc/compression.md`).
public enum MessageEncoding: String, Sendable, Hashable, CaseIterable {
  case identity
  case gzip

  /// Reads a `grpc-encoding` value; absent means identity. Nil is an encoding that is not known
  /// here: a server answers UNIMPLEMENTED with ``acceptHeader``, a client ends with INTERNAL.
  public init?(headerValue: (some Collection<UInt8>)?) {
    guard let headerValue else {
      self = .identity
      return
    }
    self.init(rawValue: String(decoding: headerValue, as: UTF8.self))
  }

  /// The value of `grpc-accept-encoding` that says what this implementation reads.
  public static let acceptHeader = "identity,gzip"

  /// The encoding to answer in: the preferred one if the peer's `grpc-accept-encoding` lists it.
  public static func negotiate(
    preferred: MessageEncoding, accepted: (some Collection<UInt8>)?
  ) -> MessageEncoding {
    guard preferred != .identity, let accepted else { return .identity }
    for part in accepted.split(separator: UInt8(ascii: ",")) {
      let name = FieldName.trimmed(String(decoding: part, as: UTF8.self))
      if name == preferred.rawValue { return preferred }
    }
    return .identity
  }
}
