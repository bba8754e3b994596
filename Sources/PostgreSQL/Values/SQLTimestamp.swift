/// A `timestamptz`: a moment with microseconds (PostgreSQL manual, 8.5).
public struct SQLTimestamp: Hashable, Comparable, Sendable, SQLValue {
  /// Microseconds since 1970-01-01 00:00 UTC. The server refuses what lies before 4713 BC with
  /// SQLSTATE 22008.
  public let microseconds: Int64

  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  @inlinable
  public static var sqlType: SQLType { .timestamptz }

  /// Microseconds from 1970-01-01 to PostgreSQL's own epoch, 2000-01-01.
  @usableFromInline static let epochOffset: Int64 = 946_684_800_000_000

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epochOffset)
    // Int64.min would mean -infinity; its neighbour is refused by the server as out of range.
    buffer.append(bigEndian: overflow || value == .min ? .min + 1 : value)
  }

  /// Nil for `infinity` and `-infinity` too, which are no moments.
  public init?(decoding bytes: RawSpan) {
    guard let value = bytes.bigEndianInteger(Int64.self), value != .max, value != .min else {
      return nil
    }
    let (microseconds, overflow) = value.addingReportingOverflow(Self.epochOffset)
    guard !overflow else { return nil }
    self.microseconds = microseconds
  }

  public static func < (one: SQLTimestamp, other: SQLTimestamp) -> Bool {
    one.microseconds < other.microseconds
  }
}
