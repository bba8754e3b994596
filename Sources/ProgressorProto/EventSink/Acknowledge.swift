import CProgressorProto
public import MachineModel

/// Request of `EventSink.Acknowledge`.
public struct AcknowledgeRequest: ProtobufMessage {
  /// The consumer's name.
  public var consumer: String
  /// Up to where everything was dealt with, one per shard at most.
  public var cursors: [FeedCursor]

  public init(consumer: String, cursors: [FeedCursor]) {
    self.consumer = consumer
    self.cursors = cursors
  }
}

extension AcknowledgeRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__AcknowledgeRequest>?) -> Void {
    progressor__v1__acknowledge_request__init
  }

  init(_ message: Progressor__V1__AcknowledgeRequest) throws(ProtobufError) {
    consumer = try message.consumer.identifier("consumer")
    cursors = try message.readCursors()
  }

  func fill(_ message: inout Progressor__V1__AcknowledgeRequest, in arena: inout ProtobufArena) {
    message.consumer = arena.make(consumer)
    message.setCursors(cursors, in: &arena)
  }
}

extension Progressor__V1__AcknowledgeRequest: CursorFields {}

/// Response of `EventSink.Acknowledge`.
public struct AcknowledgeResponse: ProtobufMessage {
  public init() {}
}

extension AcknowledgeResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__AcknowledgeResponse>?) -> Void {
    progressor__v1__acknowledge_response__init
  }
}
