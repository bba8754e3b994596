import CProgressorProto

/// `google.rpc.RetryInfo`: when a call that failed may be tried again.
public struct RetryInfo: ProtobufMessage {
  /// Microseconds after the answer; nil = it does not say.
  public var delay: Int64?

  /// The type of an `AnyMessage` that holds a RetryInfo.
  public static let typeURL = "type.googleapis.com/google.rpc.RetryInfo"

  public init(delay: Int64?) { self.delay = delay }
}

extension RetryInfo: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Google__Rpc__RetryInfo>?) -> Void {
    google__rpc__retry_info__init
  }

  init(_ message: Google__Rpc__RetryInfo) throws(ProtobufError) {
    delay = try ProtobufDuration.read(message.retry_delay, "retry_delay")?.microseconds
  }

  func fill(_ message: inout Google__Rpc__RetryInfo, in arena: inout ProtobufArena) {
    message.retry_delay = arena.make(microseconds: delay)
  }
}
