/// A header list: names and values in order, all in one block of memory.
///
/// A list costs two allocations however many fields it has, and none when it is used again
/// (`removeAll`). Names are expected in lower case (RFC 9113 section 8.2); pseudo-header fields
/// come first. Nothing is checked here: values to be sent must be free of CR, LF and NUL.
public struct HeaderList: Sendable {
  /// One field: a view of the list's memory, so it costs no allocation.
  public struct Field: Sendable {
    let bytes: [UInt8]
    let extent: Extent

    /// The name, in lower case.
    public var name: ArraySlice<UInt8> { bytes[Int(extent.start)..<Int(extent.nameEnd)] }
    /// The value, as it came.
    public var value: ArraySlice<UInt8> { bytes[Int(extent.nameEnd)..<Int(extent.end)] }

    /// The length of the name, in bytes.
    public var nameLength: Int { Int(extent.nameEnd - extent.start) }

    /// Whether the name is `name`, which is to be given in lower case.
    public func isNamed(_ name: StaticString) -> Bool {
      isEqual(from: extent.start, to: extent.nameEnd, name)
    }

    /// Whether the value is exactly `value`.
    public func hasValue(_ value: StaticString) -> Bool {
      isEqual(from: extent.nameEnd, to: extent.end, value)
    }

    private func isEqual(from start: Int32, to end: Int32, _ text: StaticString) -> Bool {
      guard Int(end - start) == text.utf8CodeUnitCount else { return false }
      return bytes.withUnsafeBufferPointer { bytes in
        text.withUTF8Buffer { text in
          for index in 0..<text.count where bytes[Int(start) + index] != text[index] {
            return false
          }
          return true
        }
      }
    }

    /// The name as a string; bytes that are no UTF-8 are replaced.
    public var nameString: String { String(decoding: name, as: UTF8.self) }
    /// The value as a string; bytes that are no UTF-8 are replaced.
    public var valueString: String { String(decoding: value, as: UTF8.self) }
  }

  struct Extent: Sendable {
    var start: Int32
    var nameEnd: Int32
    var end: Int32
  }

  var bytes: [UInt8] = []
  var extents: [Extent] = []

  /// The size as RFC 9113 section 6.5.2 counts it: each field's name and value and 32 more bytes.
  /// Of a truncated list it counts the fields that were left out, too.
  public private(set) var size = 0

  /// Whether the peer's list exceeded `SessionSettings.headers`: fields are missing or shortened.
  public internal(set) var isTruncated = false

  /// The size of what is stored and no essential field.
  private var ordinarySize = 0

  /// An empty list.
  public init() {}

  /// Adds a field at the end. `name` is to be in lower case.
  public mutating func append(_ name: some StringProtocol, _ value: some StringProtocol) {
    appendField(name: name.utf8, value: value.utf8)
  }

  /// Adds a field at the end. `name` is to be in lower case.
  public mutating func append(_ name: some StringProtocol, bytes value: some Collection<UInt8>) {
    appendField(name: name.utf8, value: value)
  }

  private mutating func appendField(
    name: some Collection<UInt8>, value: some Collection<UInt8>
  ) {
    let start = Int32(clamping: bytes.count)
    bytes.append(contentsOf: name)
    let nameEnd = Int32(clamping: bytes.count)
    bytes.append(contentsOf: value)
    let end = Int32(clamping: bytes.count)
    extents.append(Extent(start: start, nameEnd: nameEnd, end: end))
    size += Int(end - start) + 32
  }

  /// Adds a field as far as `limits` allow, and counts it whole. White space around its value,
  /// which RFC 9113 section 8.2.1 forbids and gRPC's libraries send, is taken off; that of a
  /// `grpc-message` is part of the text, since a space is written there as it is (gRPC over HTTP/2,
  /// "Percent-Encoded").
  mutating func append(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, limits: HeaderLimits
  ) {
    let whole = size + name.count + value.count + 32
    let value = name.elementsEqual("grpc-message".utf8) ? value[...] : Self.trimmed(value)
    if let essential = limits.essential(named: name), !contains(essential) {
      if value.count <= essential.maxValueSize || essential.mayBeCut {
        appendField(name: name, value: value.prefix(essential.maxValueSize))
      }
      isTruncated = isTruncated || value.count > essential.maxValueSize
    } else if ordinarySize + whole - size <= limits.keptListSize {
      ordinarySize += whole - size
      appendField(name: name, value: value)
    } else {
      isTruncated = true
    }
    size = whole
  }

  private static func trimmed(_ value: UnsafeBufferPointer<UInt8>) -> Slice<
    UnsafeBufferPointer<UInt8>
  > {
    let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    guard let first = value.first, let last = value.last, isSpace(first) || isSpace(last) else {
      return value[...]
    }
    guard let start = value.firstIndex(where: { !isSpace($0) }),
      let end = value.lastIndex(where: { !isSpace($0) })
    else { return value[..<value.startIndex] }
    return value[start...end]
  }

  private func contains(_ essential: EssentialHeader) -> Bool {
    contains { $0.isNamed(essential.name) }
  }

  /// Empties the list and keeps its memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    extents.removeAll(keepingCapacity: true)
    size = 0
    ordinarySize = 0
    isTruncated = false
  }

  /// The value of the first field of that name (in lower case).
  public func first(_ name: StaticString) -> String? {
    first { $0.isNamed(name) }?.valueString
  }
}

extension HeaderList: RandomAccessCollection {
  /// Always 0.
  public var startIndex: Int { 0 }
  /// The number of fields.
  public var endIndex: Int { extents.count }

  /// The field at a position.
  public subscript(index: Int) -> Field {
    Field(bytes: bytes, extent: extents[index])
  }
}

extension HeaderList: ExpressibleByDictionaryLiteral {
  /// The fields in the order in which they are written; names may repeat.
  public init(dictionaryLiteral fields: (String, String)...) {
    for (name, value) in fields { append(name, value) }
  }
}

extension HeaderList: Equatable {
  /// Whether both have the same fields in the same order.
  public static func == (left: HeaderList, right: HeaderList) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { $0.name == $1.name && $0.value == $1.value }
  }
}

extension HeaderList: CustomStringConvertible {
  /// One line per field, for people and logs.
  public var description: String {
    map { "\($0.nameString): \($0.valueString)" }.joined(separator: "\n")
  }
}
