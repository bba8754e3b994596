import CProtobufC

/// A value that protobuf-c knows as a struct.
///
/// Conforming types live in this module only. What of them is public as a `ProtobufMessage` takes
/// its codec from here: a message says which fields it has, and nothing else.
protocol CRepresentable: Sendable {
  /// The struct that protoc-c generated.
  associatedtype CMessage

  /// The generated function that gives a struct its defaults and its descriptor.
  static var initialize: (UnsafeMutablePointer<CMessage>?) -> Void { get }

  /// How much memory decoding may take.
  static var budget: DecodingBudget { get }

  /// The value of a struct that protobuf-c unpacked. Copies what it keeps.
  init(_ message: CMessage) throws(ProtobufError)

  /// Sets the fields of a struct that has its defaults.
  ///
  /// The struct may refer to payloads of `self`, which lives until the struct is packed.
  func fill(_ message: inout CMessage, in arena: inout ProtobufArena)
}

extension CRepresentable {
  static var budget: DecodingBudget { .request }
}

/// The codec of all messages. It is public where the value is: it witnesses `ProtobufMessage`,
/// whose requirements have the same words.
extension CRepresentable {
  /// Decodes one message that fills `bytes`.
  public init(decoding bytes: UnsafeRawBufferPointer) throws(ProtobufError) {
    self = try ProtobufArena.withArena(budget: Self.budget.bytes(forMessageOf: bytes.count)) {
      arena throws(ProtobufError) in
      let descriptor = arena.makeDefault(Self.self)?.withMemoryRebound(
        to: ProtobufCMessage.self, capacity: 1
      ) { $0.pointee.descriptor }
      let rewritten = descriptor.flatMap { WireForm.rewritten(bytes, as: $0) }
      let unpacked = arena.unpack(descriptor, rewritten, or: bytes)
      guard let unpacked else { throw arena.isExhausted ? .exhausted : .malformed }
      return try Self(UnsafeRawPointer(unpacked).assumingMemoryBound(to: CMessage.self).pointee)
    }
  }

  /// Calls `body` with the message, ready to be written.
  public func encode<Result, Failure: Error>(
    _ body: (borrowing EncodedMessage) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try ProtobufArena.withArena { arena throws(Failure) in
      // Never nil: this arena has no budget.
      let message = arena.make(self).unsafelyUnwrapped
      return try body(
        EncodedMessage(UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)))
    }
  }
}
