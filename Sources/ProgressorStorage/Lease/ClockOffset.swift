/// How far the database's clock is ahead of this machine's, as far as that can be known.
///
/// The database's time was read somewhere between sending and receiving, so each reading gives a
/// range. An estimate within it stays as it is: a slow answer must not shift timers. Only a reading
/// that contradicts the estimate moves it, as little as it must.
struct ClockOffset: Sendable, Equatable {
  /// Microseconds to add to this machine's time of day.
  private(set) var microseconds: Int64 = 0
  /// Microseconds by which the clocks differ for certain: the least that the last reading allows.
  private(set) var certainError: Int64 = 0

  /// - Parameters:
  ///   - database: the database's time, in microseconds since 1970.
  ///   - sent: this machine's time of day before the question was sent.
  ///   - received: this machine's time of day when the answer was there.
  mutating func read(database: Int64, sent: Int64, received: Int64) {
    let least = database - max(sent, received)
    let most = database - min(sent, received)
    microseconds = min(max(microseconds, least), most)
    certainError = abs(min(max(0, least), most))
  }
}
