/// An HTTP/2 error code (RFC 9113 section 7), as RST_STREAM and GOAWAY carry it.
///
/// Codes that no RFC knows are kept as they came; they mean nothing special.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
  /// The number on the wire.
  public let rawValue: UInt32

  /// Makes a code of the number on the wire, known or not.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// An orderly end, not an error.
  public static let noError = ErrorCode(rawValue: 0x0)
  /// The peer broke the protocol in a way that has no code of its own.
  public static let protocolError = ErrorCode(rawValue: 0x1)
  /// Something went wrong on the side that sends it.
  public static let internalError = ErrorCode(rawValue: 0x2)
  /// More was sent than the window allowed.
  public static let flowControlError = ErrorCode(rawValue: 0x3)
  /// SETTINGS did not come, or were not acknowledged, in time.
  public static let settingsTimeout = ErrorCode(rawValue: 0x4)
  /// A frame came for a stream that was closed.
  public static let streamClosed = ErrorCode(rawValue: 0x5)
  /// A frame has a size that it must not have.
  public static let frameSizeError = ErrorCode(rawValue: 0x6)
  /// The stream was not processed at all: it may be tried again.
  public static let refusedStream = ErrorCode(rawValue: 0x7)
  /// The stream is of no use any more.
  public static let cancel = ErrorCode(rawValue: 0x8)
  /// The state of the header compression is lost.
  public static let compressionError = ErrorCode(rawValue: 0x9)
  /// The connection behind a CONNECT was lost.
  public static let connectError = ErrorCode(rawValue: 0xa)
  /// The peer causes more load than is borne.
  public static let enhanceYourCalm = ErrorCode(rawValue: 0xb)
  /// TLS is not as strong as HTTP/2 demands.
  public static let inadequateSecurity = ErrorCode(rawValue: 0xc)
  /// Only HTTP/1.1 will do.
  public static let http11Required = ErrorCode(rawValue: 0xd)
}

extension ErrorCode: CustomStringConvertible {
  private static let names = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
    "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
    "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
  ]

  /// The RFC's name, or the number of a code that it does not know.
  public var description: String {
    rawValue < UInt32(Self.names.count) ? Self.names[Int(rawValue)] : "error \(rawValue)"
  }
}
