/// Writes one one-dimensional array straight into the buffer of its `Parameters`.
///
/// Form (`array_send`): dimensions, a flag for NULLs, the element's type, then per dimension the
/// count and the lower bound, then every element behind its length, -1 for NULL.
public struct SQLArrayWriter<Element: SQLValue> {
  @usableFromInline var buffer: [UInt8]
  @usableFromInline let start: Int

  /// The number of elements written so far.
  public var count: Int { written }
  @usableFromInline var written = 0
  @usableFromInline var hasNull = false

  @inlinable
  init(appendingTo buffer: consuming [UInt8]) {
    self.buffer = buffer
    start = self.buffer.count
    self.buffer.append(bigEndian: Int32(1))
    self.buffer.append(bigEndian: Int32(0))
    self.buffer.append(bigEndian: Element.sqlType.identifier)
    self.buffer.append(bigEndian: Int32(0))
    self.buffer.append(bigEndian: Int32(1))
  }

  /// Appends an element; nil is NULL.
  @inlinable
  public mutating func append(_ element: Element?) {
    written += 1
    guard let element else {
      hasNull = true
      buffer.append(bigEndian: Int32(-1))
      return
    }
    let length = buffer.count
    buffer.append(bigEndian: Int32(0))
    element.encode(into: &buffer)
    // A length beyond Int32 cannot get as far as the wire: `Parameters` are checked before.
    buffer.replace(at: length, bigEndian: Int32(clamping: buffer.count - length - 4))
  }

  @inlinable
  consuming func finish() -> [UInt8] {
    buffer.replace(at: start + 4, bigEndian: hasNull ? 1 : 0)
    buffer.replace(at: start + 12, bigEndian: Int32(clamping: written))
    return buffer
  }
}

enum SQLArrayReader {
  /// The elements of a one-dimensional array, NULL as nil; nil when the bytes are not such an
  /// array of `Element`.
  static func elements<Element: SQLValue>(
    of bytes: RawSpan, as: Element.Type
  ) -> [Element?]? {
    var reader = BinaryReader()
    guard let dimensions = reader.int32(in: bytes), reader.int32(in: bytes) != nil,
      let type = reader.int32(in: bytes),
      Element.sqlType.hasBinaryForm(of: SQLType(identifier: UInt32(bitPattern: type)))
    else { return nil }
    if dimensions == 0 { return [] }
    guard dimensions == 1, let count = reader.int32(in: bytes), reader.int32(in: bytes) != nil,
      count >= 0, Int(count) <= (bytes.byteCount - reader.offset) / 4
    else { return nil }
    var elements: [Element?] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let length = reader.int32(in: bytes) else { return nil }
      if length == -1 {
        elements.append(nil)
        continue
      }
      guard let range = reader.take(Int(length), of: bytes),
        let element = Element(decoding: bytes.extracting(range))
      else { return nil }
      elements.append(element)
    }
    return elements
  }
}
