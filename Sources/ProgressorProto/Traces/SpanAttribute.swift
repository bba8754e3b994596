import CProgressorProto

/// What a span, or all spans of a process, are about (`opentelemetry.proto.common.v1.KeyValue`).
public struct SpanAttribute: Sendable, Hashable {
  /// What is said.
  public enum Value: Sendable, Hashable {
    case text(String)
    case number(Int64)
  }

  /// As OpenTelemetry's semantic conventions name it.
  public var key: String
  /// What is said.
  public var value: Value

  /// A text.
  public init(_ key: String, _ text: String) { self.init(key, .text(text)) }

  /// A number.
  public init(_ key: String, _ number: Int) { self.init(key, .number(Int64(number))) }

  /// A text or a number.
  private init(_ key: String, _ value: Value) {
    self.key = key
    self.value = value
  }
}

extension SpanAttribute: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Opentelemetry__Proto__Common__V1__KeyValue>?) -> Void
  {
    opentelemetry__proto__common__v1__key_value__init
  }

  init(_ message: Opentelemetry__Proto__Common__V1__KeyValue) throws(ProtobufError) {
    self.init(
      try message.key.text("key"), try AttributeValue.require(message.value, "value").value)
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Common__V1__KeyValue, in arena: inout ProtobufArena
  ) {
    message.key = arena.make(key)
    message.value = arena.make(AttributeValue(value: value))
  }
}

/// `AnyValue`, of which we send two kinds.
private struct AttributeValue: CRepresentable {
  let value: SpanAttribute.Value

  init(value: SpanAttribute.Value) { self.value = value }

  static var initialize: (UnsafeMutablePointer<Opentelemetry__Proto__Common__V1__AnyValue>?) -> Void
  {
    opentelemetry__proto__common__v1__any_value__init
  }

  init(_ message: Opentelemetry__Proto__Common__V1__AnyValue) throws(ProtobufError) {
    switch message.value_case {
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
      value = .text(try message.string_value.text("string_value"))
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE:
      value = .number(message.int_value)
    default: throw .invalid("value", "must be set")
    }
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Common__V1__AnyValue, in arena: inout ProtobufArena
  ) {
    switch value {
    case .text(let text):
      message.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE
      message.string_value = arena.make(text)
    case .number(let number):
      message.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE
      message.int_value = number
    }
  }
}
