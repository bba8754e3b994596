import Glibc
public import MachineModel
import NIOCore

/// The clocks of a node: the core asks none, this shell reads them once per turn.
public struct NodeClock: Sendable {
  /// Microseconds by which the database's clock is ahead of this machine's.
  private let offset: @Sendable () -> Int64

  /// - Parameter offset: Asked for each reading; 0 as long as the database's clock is not known.
  public init(offset: @escaping @Sendable () -> Int64 = { 0 }) {
    self.offset = offset
  }

  /// Now, by the database's time of day and by the clock that runs through a suspend.
  public func now() -> Moment {
    let wall = Timestamp(microseconds: NodeClock.read(CLOCK_REALTIME))
    return Moment(wall: wall.advanced(byMicroseconds: offset()), uptime: NodeClock.uptime())
  }

  /// `Moment.uptime`: microseconds of CLOCK_BOOTTIME. NIO's deadlines are on CLOCK_MONOTONIC, which
  /// stands still during a suspend: a lease must not.
  public static func uptime() -> Int64 { read(CLOCK_BOOTTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}

extension Moment {
  /// The same time as a deadline of NIO's. `reference` is NIO's clock at this moment.
  func deadline(atUptime time: Int64, reference: NIODeadline) -> NIODeadline {
    let distance = time - uptime
    if distance <= 0 { return reference }
    let (nanoseconds, overflow) = distance.multipliedReportingOverflow(by: 1_000)
    if overflow || nanoseconds > (NIODeadline.distantFuture - reference).nanoseconds {
      return .distantFuture
    }
    return reference + .nanoseconds(nanoseconds)
  }

  /// The uptime of one of NIO's deadlines, rounded up. `reference` is NIO's clock at this moment.
  func uptime(of deadline: NIODeadline, reference: NIODeadline) -> Int64 {
    let distance = (deadline - reference).nanoseconds
    return uptime + (distance > 0 ? (distance - 1) / 1_000 + 1 : 0)
  }
}
