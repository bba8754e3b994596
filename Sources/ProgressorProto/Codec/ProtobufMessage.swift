/// A message of the contract that has a wire format of its own: a request or a response.
///
/// Bytes come from outside and are not trusted: decoding is bounded in memory (`DecodingBudget`)
/// and depth (no message contains itself), and refuses what the contract does not allow.
public protocol ProtobufMessage: Sendable, Hashable {
  /// Decodes one message that fills `bytes`. The bytes may be let go afterwards.
  ///
  /// Throws `ProtobufError`, which says whether the bytes, their size or a field is at fault.
  init(decoding bytes: UnsafeRawBufferPointer) throws(ProtobufError)

  /// Calls `body` with the message, ready to be written into a buffer that `body` makes.
  ///
  /// Payloads are not copied before they are written. The encoding is valid during the call only.
  func encode<Result, Failure: Error>(
    _ body: (borrowing EncodedMessage) throws(Failure) -> Result
  ) throws(Failure) -> Result
}

extension ProtobufMessage {
  /// Decodes one message that fills `bytes`.
  public init(decoding bytes: [UInt8]) throws(ProtobufError) {
    try self.init(decoding: bytes.span.bytes)
  }

  /// Decodes one message that fills `bytes`.
  public init(decoding bytes: RawSpan) throws(ProtobufError) {
    self = try bytes.withUnsafeBytes { buffer throws(ProtobufError) in
      try Self(decoding: buffer)
    }
  }

  /// The message in its wire format.
  public func encoded() -> [UInt8] {
    encode { message in
      [UInt8](unsafeUninitializedCapacity: message.size) { buffer, count in
        count = message.write(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }
}
