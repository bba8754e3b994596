/// How a call ended: the code, the message for people, and what else the trailers carried (gRPC
/// `doc/PROTOCOL-HTTP2.md`, "Trailers").
public struct RPCStatus: Sendable, Hashable, Error {
  /// The status code, `.ok` included.
  public var code: StatusCode
  /// The message for people, decoded. Unicode; empty when there is none.
  public var message: String
  /// The bytes of `grpc-status-details-bin`: a serialized `google.rpc.Status`, or nil.
  public var details: [UInt8]?
  /// More trailing metadata, without what gRPC itself puts there.
  public var trailers: Metadata

  /// Creates a status.
  public init(
    code: StatusCode, message: String = "", details: [UInt8]? = nil, trailers: Metadata = Metadata()
  ) {
    self.code = code
    self.message = message
    self.details = details
    self.trailers = trailers
  }

  /// Success, without message and trailers.
  public static let ok = RPCStatus(code: .ok)

  /// Whether the code is `.ok`.
  public var isOK: Bool { code == .ok }
}

extension RPCStatus: CustomStringConvertible {
  /// The code's name, and the message if there is one: `UNAVAILABLE: connection refused`.
  public var description: String { message.isEmpty ? code.name : "\(code.name): \(message)" }
}
