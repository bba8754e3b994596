/// An HTTP/2 error code (RFC 9113 section 7), as RST_STREAM and GOAWAY carry it.
///
/// Codes that no RFC knows are kept as they came; they mean nothing special.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  public static let noError = ErrorCode(rawValue: 0x0)
  public static let protocolError = ErrorCode(rawValue: 0x1)
  public static let internalError = ErrorCode(rawValue: 0x2)
  public static let flowControlError = ErrorCode(rawValue: 0x3)
  public static let settingsTimeout = ErrorCode(rawValue: 0x4)
  public static let streamClosed = ErrorCode(rawValue: 0x5)
  public static let frameSizeError = ErrorCode(rawValue: 0x6)
  public static let refusedStream = ErrorCode(rawValue: 0x7)
  public static let cancel = ErrorCode(rawValue: 0x8)
  public static let compressionError = ErrorCode(rawValue: 0x9)
  public static let connectError = ErrorCode(rawValue: 0xa)
  public static let enhanceYourCalm = ErrorCode(rawValue: 0xb)
  public static let inadequateSecurity = ErrorCode(rawValue: 0xc)
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
