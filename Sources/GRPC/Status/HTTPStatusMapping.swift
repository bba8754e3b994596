/// What a client makes of an answer that carries no `grpc-status`. For clients only: a server never
/// translates in the other direction.
public enum HTTPStatusMapping {
  /// The code for an HTTP status (gRPC `doc/http-grpc-status-mapping.md`). A status of 200 without
  /// `grpc-status` is UNKNOWN too.
  public static func statusCode(forHTTPStatus status: Int) -> StatusCode {
    switch status {
    // 431 (header fields too large) is INTERNAL by the conformance suites, beside 400.
    case 400, 431: .internalError
    case 401: .unauthenticated
    case 403: .permissionDenied
    case 404: .unimplemented
    case 429, 502, 503, 504: .unavailable
    default: .unknown
    }
  }

  /// The code for a stream that the server reset before its status came (gRPC over HTTP/2,
  /// "Errors"). `errorCode` is the HTTP/2 error code of RFC 9113 section 7; codes without a row in
  /// that table are INTERNAL.
  public static func statusCode(forResetCode errorCode: UInt32) -> StatusCode {
    switch errorCode {
    case 0x7: .unavailable  // REFUSED_STREAM
    case 0x8: .cancelled  // CANCEL
    case 0xB: .resourceExhausted  // ENHANCE_YOUR_CALM
    case 0xC: .permissionDenied  // INADEQUATE_SECURITY
    default: .internalError
    }
  }
}
