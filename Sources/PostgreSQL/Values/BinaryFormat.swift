/// Numbers in network byte order, as PostgreSQL's protocol has them everywhere (manual, "Message
/// Data Types").
///
/// What writes the columns of a batch is inlinable: unspecialised it took a fifth of the server's
/// time under load.
extension [UInt8] {
  @inlinable
  mutating func append(bigEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Overwrites the four bytes at `offset`, which must exist: a length known only afterwards.
  @inlinable
  mutating func replace(at offset: Int, bigEndian value: Int32) {
    Swift.withUnsafeBytes(of: value.bigEndian) { bytes in
      for index in 0..<4 { self[offset + index] = bytes[index] }
    }
  }
}

extension RawSpan {
  /// The number that these bytes are; nil when they are too few or too many.
  func bigEndianInteger<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
    guard byteCount == MemoryLayout<Value>.size else { return nil }
    return withUnsafeBytes { Value(bigEndian: $0.loadUnaligned(as: Value.self)) }
  }
}

/// Where to go on reading in a binary value; never leads beyond its end.
struct BinaryReader {
  private(set) var offset = 0

  mutating func int32(in bytes: RawSpan) -> Int32? {
    guard let range = take(4, of: bytes) else { return nil }
    return bytes.extracting(range).bigEndianInteger(Int32.self)
  }

  /// The next `count` bytes; nil when there are fewer.
  mutating func take(_ count: Int, of bytes: RawSpan) -> Range<Int>? {
    guard count >= 0, count <= bytes.byteCount - offset else { return nil }
    defer { offset += count }
    return offset..<offset + count
  }
}
