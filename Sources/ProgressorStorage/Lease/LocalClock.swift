import Glibc

/// The clocks of this machine, in microseconds.
public enum LocalClock {
  /// A clock that never goes back and runs through a suspend (CLOCK_BOOTTIME, clock_gettime(2)):
  /// `Moment.uptime`.
  public static func uptime() -> Int64 { read(CLOCK_BOOTTIME) }

  /// The time of day since 1970, not yet corrected by the offset to the database's clock.
  public static func wall() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: Int32) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}

extension Duration {
  /// Whole microseconds.
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}
