import CProgressorProto

/// `google.protobuf.Any`: a message with the name of its type.
public struct AnyMessage: ProtobufMessage {
  /// The type: what follows the last slash is its full name.
  public var typeURL: String
  /// The message, encoded.
  public var value: [UInt8]

  public init(typeURL: String, value: [UInt8]) {
    self.typeURL = typeURL
    self.value = value
  }
}

extension AnyMessage: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Google__Protobuf__Any>?) -> Void {
    google__protobuf__any__init
  }

  init(_ message: Google__Protobuf__Any) throws(ProtobufError) {
    typeURL = try message.type_url.text("type_url")
    value = message.value.bytes
  }

  func fill(_ message: inout Google__Protobuf__Any, in arena: inout ProtobufArena) {
    message.type_url = arena.make(typeURL)
    message.value = arena.refer(to: value)
  }
}
