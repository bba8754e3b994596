/// Why a stream of gRPC messages cannot be read on.
public enum FramingError: Error, Sendable, Hashable {
  /// A message is longer than the limit, as sent or after inflating. Bytes.
  case messageTooLarge(limit: Int)
  /// The compressed-flag byte is neither 0 nor 1 (gRPC `doc/PROTOCOL-HTTP2.md`,
  /// "Length-Prefixed-Message").
  case invalidFlag(UInt8)
  /// A message is marked as compressed but no encoding was announced.
  case compressedWithoutEncoding
  /// The compressed data is broken.
  case corruptCompression
  /// The stream ended inside a message.
  case truncated

  /// The status that this error ends a call with, on either side (gRPC `doc/compression.md`).
  public var status: RPCStatus {
    switch self {
    case .messageTooLarge(let limit):
      RPCStatus(
        code: .resourceExhausted, message: "the message is longer than the limit of \(limit) bytes")
    case .invalidFlag(let flag):
      RPCStatus(code: .internalError, message: "the compressed-flag byte is \(flag), not 0 or 1")
    case .compressedWithoutEncoding:
      RPCStatus(
        code: .internalError, message: "a message is compressed but grpc-encoding names no encoding"
      )
    case .corruptCompression:
      RPCStatus(code: .internalError, message: "the compressed message is broken")
    case .truncated:
      RPCStatus(code: .internalError, message: "the stream ended inside a message")
    }
  }
}
