import CProgressorProto

/// `google.rpc.Status`: what the trailer `grpc-status-details-bin` holds.
public struct RichStatus: ProtobufMessage {
  /// A gRPC status code.
  public var code: Int32
  /// For developers.
  public var message: String
  /// Details, each of a type of its own.
  public var details: [AnyMessage]

  public init(code: Int32, message: String, details: [AnyMessage] = []) {
    self.code = code
    self.message = message
    self.details = details
  }
}

extension RichStatus: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Google__Rpc__Status>?) -> Void {
    google__rpc__status__init
  }

  init(_ message: Google__Rpc__Status) throws(ProtobufError) {
    code = message.code
    self.message = try message.message.text("message")
    details = try AnyMessage.readAll(message.details, count: message.n_details, "details")
  }

  func fill(_ message: inout Google__Rpc__Status, in arena: inout ProtobufArena) {
    message.code = code
    message.message = arena.make(self.message)
    message.details = arena.makeAll(details)
    message.n_details = details.count
  }
}
