public import NIOCore

/// How a call ended, with what a caller needs to decide about a retry.
public struct UnaryResult: Sendable {
  /// Whose word ``status`` is.
  public enum Origin: Sendable, Hashable {
    /// The peer itself sent this `grpc-status`.
    case peer
    /// The status was made up here, because the peer's was missing, unusable or not waited for.
    case local
  }

  /// The status; of a unary call `.ok` only together with a message.
  public var status: RPCStatus
  /// The response message of a unary call; nil unless the status is OK.
  public var message: ByteBuffer?
  /// The metadata that came before the message. Empty for an answer that had trailers only.
  public var initialMetadata: Metadata
  /// The metadata that came with the status.
  public var trailingMetadata: Metadata { status.trailers }
  /// Whose word the status is.
  public var origin: Origin
  /// False when the peer certainly did not see the request: it never left, or the peer said so by
  /// REFUSED_STREAM or GOAWAY (RFC 9113 sections 8.7 and 6.8). True when it may have.
  public var seen: Bool
  /// Why the status was made up; nil exactly when ``origin`` is the peer.
  public var localReason: LocalReason?

  /// A status that the peer sent.
  static func peer(
    _ status: RPCStatus, message: ByteBuffer? = nil, initialMetadata: Metadata = Metadata()
  ) -> UnaryResult {
    UnaryResult(
      status: status, message: message, initialMetadata: initialMetadata, origin: .peer, seen: true,
      localReason: nil)
  }

  /// A status made up here.
  static func local(
    _ reason: LocalReason, _ code: StatusCode, _ message: String, seen: Bool,
    initialMetadata: Metadata = Metadata()
  ) -> UnaryResult {
    UnaryResult(
      status: RPCStatus(code: code, message: message), message: nil,
      initialMetadata: initialMetadata, origin: .local, seen: seen, localReason: reason)
  }
}

/// Why a status was made up here and not sent by the peer.
public enum LocalReason: Sendable, Hashable {
  /// The call's deadline passed (DEADLINE_EXCEEDED).
  case deadline
  /// No connection could be had (UNAVAILABLE). The request never left.
  case unreachable
  /// The connection broke, or its peer violated HTTP/2, before the answer was complete
  /// (UNAVAILABLE).
  case connectionLost
  /// Too many calls wait for a connection (RESOURCE_EXHAUSTED). The request never left.
  case queueFull
  /// The channel is closed (UNAVAILABLE). The request never left.
  case channelClosed
  /// ``UnaryCall/cancel()`` was called (CANCELLED).
  case cancelled
  /// The peer reset the stream with this HTTP/2 error code (RFC 9113 section 7).
  case reset(UInt32)
  /// An answer without `grpc-status`, but with an HTTP status other than 200 or without a gRPC
  /// content-type: something else than a gRPC server spoke.
  case http(status: Int)
  /// A gRPC answer ended without a readable `grpc-status` (UNKNOWN).
  case missingStatus
  /// OK without a message (UNIMPLEMENTED, as the gRPC documents have it).
  case missingMessage
  /// More than one message (UNIMPLEMENTED).
  case tooManyMessages
  /// The message is longer than the limit, as sent or after inflating (RESOURCE_EXHAUSTED).
  case oversizedMessage
  /// The header or trailer fields are larger than is borne: the stream was ended, and what the peer
  /// meant is not known (RESOURCE_EXHAUSTED).
  case oversizedMetadata
  /// The answers that wait for their rest take as much memory as they may (RESOURCE_EXHAUSTED).
  case overloaded
  /// The message cannot be read: framing, compression or subtype are wrong (INTERNAL).
  case undecodable
  /// The request cannot be sent as it is: its message or its header fields exceed what the protocol
  /// can carry, or the peer takes (RESOURCE_EXHAUSTED). The request never left, and is not tried
  /// again.
  case unsendable
}

/// A successful unary answer.
public struct UnaryResponse: Sendable {
  /// The response message.
  public var message: ByteBuffer
  /// The metadata that came before it.
  public var initialMetadata: Metadata
  /// The metadata that came after it.
  public var trailingMetadata: Metadata
}
