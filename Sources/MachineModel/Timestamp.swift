/// A point in time, in microseconds since the Unix epoch, UTC.
///
/// PostgreSQL's `timestamptz` and the contract's `google.protobuf.Timestamp` are both narrowed to
/// this precision, so that a time read back is the time that was written.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Microseconds since 1970-01-01T00:00:00Z, leap seconds smeared away as POSIX does.
  public var microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// 0001-01-01T00:00:00Z, the first time that `google.protobuf.Timestamp` can hold.
  public static let earliest = Timestamp(microseconds: -62_135_596_800_000_000)

  /// 9999-12-31T23:59:59.999999Z, the last time that `google.protobuf.Timestamp` can hold.
  public static let latest = Timestamp(microseconds: 253_402_300_799_999_999)

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

  /// The time this many microseconds later, kept within `earliest` … `latest`.
  public func advanced(byMicroseconds delta: Int64) -> Timestamp {
    let (sum, overflow) = microseconds.addingReportingOverflow(delta)
    if overflow { return delta < 0 ? .earliest : .latest }
    return Swift.min(Swift.max(Timestamp(microseconds: sum), .earliest), .latest)
  }
}

/// Now, as the shell read it once for one input: the core never asks a clock.
public struct Moment: Sendable, Hashable {
  /// The time of day, corrected by the offset to the database's clock. Timers and `created_at`.
  public var wall: Timestamp

  /// Microseconds on a clock that never goes back and runs through a suspend (`CLOCK_BOOTTIME`).
  /// Deadlines and the lease.
  public var uptime: Int64

  public init(wall: Timestamp, uptime: Int64) {
    self.wall = wall
    self.uptime = uptime
  }
}
