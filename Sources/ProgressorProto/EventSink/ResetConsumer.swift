import CProgressorProto
public import MachineModel

/// Request of `EventSink.ResetConsumer`.
public struct ResetConsumerRequest: ProtobufMessage {
  /// The consumer's name.
  public var consumer: String
  /// Where it is to go on.
  public var reset: FeedReset

  public init(consumer: String, reset: FeedReset) {
    self.consumer = consumer
    self.reset = reset
  }
}

extension ResetConsumerRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResetConsumerRequest>?) -> Void {
    progressor__v1__reset_consumer_request__init
  }

  init(_ message: Progressor__V1__ResetConsumerRequest) throws(ProtobufError) {
    consumer = try message.consumer.identifier("consumer")
    let cursors = try message.readCursors()
    if let start = try FeedStart.read(message.start, "start") {
      if !cursors.isEmpty { throw .invalid("cursors", "must not be set with start") }
      reset = .start(start)
    } else {
      if cursors.isEmpty { throw .invalid("start", "must be set, or cursors") }
      reset = .cursors(cursors)
    }
  }

  func fill(_ message: inout Progressor__V1__ResetConsumerRequest, in arena: inout ProtobufArena) {
    message.consumer = arena.make(consumer)
    switch reset {
    case .start(let start): message.start = FeedStart.protobuf(start)
    case .cursors(let cursors): message.setCursors(cursors, in: &arena)
    }
  }
}

extension Progressor__V1__ResetConsumerRequest: CursorFields {}

/// Response of `EventSink.ResetConsumer`.
public struct ResetConsumerResponse: ProtobufMessage {
  public init() {}
}

extension ResetConsumerResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResetConsumerResponse>?) -> Void {
    progressor__v1__reset_consumer_response__init
  }
}
