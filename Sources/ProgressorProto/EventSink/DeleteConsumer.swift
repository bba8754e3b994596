import CProgressorProto

/// Request of `EventSink.DeleteConsumer`.
public struct DeleteConsumerRequest: ProtobufMessage {
  /// The consumer's name.
  public var consumer: String

  public init(consumer: String) {
    self.consumer = consumer
  }
}

extension DeleteConsumerRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteConsumerRequest>?) -> Void {
    progressor__v1__delete_consumer_request__init
  }

  init(_ message: Progressor__V1__DeleteConsumerRequest) throws(ProtobufError) {
    consumer = try message.consumer.identifier("consumer")
  }

  func fill(_ message: inout Progressor__V1__DeleteConsumerRequest, in arena: inout ProtobufArena) {
    message.consumer = arena.make(consumer)
  }
}

/// Response of `EventSink.DeleteConsumer`.
public struct DeleteConsumerResponse: ProtobufMessage {
  public init() {}
}

extension DeleteConsumerResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteConsumerResponse>?) -> Void {
    progressor__v1__delete_consumer_response__init
  }
}
