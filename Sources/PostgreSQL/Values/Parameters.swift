/// The parameters of one execution, in order, in binary form in one buffer.
///
/// A set-based statement takes a column of its batch as one array: `appendArray` writes each
/// element where it will lie when it is sent.
public struct Parameters: Sendable {
  /// Where a parameter lies in the buffer; nil is NULL.
  @usableFromInline var ranges: [Range<Int>?] = []
  @usableFromInline var buffer: [UInt8] = []

  /// The type of each parameter, arrays as array types.
  public var types: [SQLType] { columnTypes }
  @usableFromInline var columnTypes: [SQLType] = []

  public init() {}

  /// The number of parameters. PostgreSQL takes at most 65,535 (manual, "PostgreSQL Limits").
  public var count: Int { types.count }

  /// The bytes of all values together.
  public var byteCount: Int { buffer.count }

  /// Keeps room for `bytes` bytes of values in all.
  public mutating func reserveCapacity(_ bytes: Int) {
    buffer.reserveCapacity(bytes)
  }

  /// Appends a value; nil is NULL.
  @inlinable
  public mutating func append<Value: SQLValue>(_ value: Value?) {
    columnTypes.append(Value.sqlType)
    guard let value else {
      ranges.append(nil)
      return
    }
    let start = buffer.count
    value.encode(into: &buffer)
    ranges.append(start..<buffer.count)
  }

  /// Appends an array of `element(item)` for every item; nil is a NULL element.
  @inlinable
  public mutating func appendArray<Items: Sequence, Value: SQLValue>(
    _ items: Items, _ element: (Items.Element) -> Value?
  ) {
    appendArray(of: Value.self) { array in
      for item in items { array.append(element(item)) }
    }
  }

  /// Appends an array of the given values.
  @inlinable
  public mutating func appendArray<Value: SQLValue>(_ values: some Sequence<Value>) {
    appendArray(values) { $0 }
  }

  /// Appends an array that `fill` writes element by element.
  @inlinable
  public mutating func appendArray<Value: SQLValue>(
    of _: Value.Type, _ fill: (inout SQLArrayWriter<Value>) -> Void
  ) {
    // Every `SQLValue` of this module has an array type; another one is sent as `unknown`, which
    // the check against the statement's parameter types refuses.
    columnTypes.append(Value.sqlType.array ?? .unknown)
    let start = buffer.count
    var writer = SQLArrayWriter<Value>(appendingTo: exchange(&buffer, with: []))
    fill(&writer)
    buffer = writer.finish()
    ranges.append(start..<buffer.count)
  }
}
