/// A Swift type with a binary form in PostgreSQL: big-endian numbers, UTF-8 text, raw bytes.
///
/// The binary forms are those of the `…_send` and `…_recv` functions of the server.
public protocol SQLValue: Sendable {
  /// The type that the server sees.
  static var sqlType: SQLType { get }

  /// Appends the binary form, without a length before it.
  func encode(into buffer: inout [UInt8])

  /// Reads the binary form; nil when `bytes` are not one.
  init?(decoding bytes: RawSpan)
}

extension SQLValue where Self: FixedWidthInteger {
  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(bigEndian: self)
  }

  public init?(decoding bytes: RawSpan) {
    guard let value = bytes.bigEndianInteger(Self.self) else { return nil }
    self = value
  }
}

extension Int16: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .int2 }
}

extension Int32: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .int4 }
}

extension Int64: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .int8 }
}

extension Double: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .float8 }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(bigEndian: bitPattern)
  }

  public init?(decoding bytes: RawSpan) {
    guard let pattern = bytes.bigEndianInteger(UInt64.self) else { return nil }
    self.init(bitPattern: pattern)
  }
}

extension Bool: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .bool }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(self ? 1 : 0)
  }

  public init?(decoding bytes: RawSpan) {
    guard let byte = bytes.bigEndianInteger(UInt8.self) else { return nil }
    self = byte != 0
  }
}

extension String: SQLValue {
  @inlinable
  public static var sqlType: SQLType { .text }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(contentsOf: utf8)
  }

  public init?(decoding bytes: RawSpan) {
    guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      return nil
    }
    self = text
  }
}

extension Array: SQLValue where Element == UInt8 {
  @inlinable
  public static var sqlType: SQLType { .bytea }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(contentsOf: self)
  }

  public init?(decoding bytes: RawSpan) {
    self = bytes.withUnsafeBytes { Array($0) }
  }
}

extension ArraySlice: SQLValue where Element == UInt8 {
  @inlinable
  public static var sqlType: SQLType { .bytea }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(contentsOf: self)
  }

  public init?(decoding bytes: RawSpan) {
    self = bytes.withUnsafeBytes { ArraySlice($0) }
  }
}
