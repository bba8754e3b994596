import MachineModel

/// What a client of the benchmark wants of its processor: the first byte of the args.
enum Wish {
  /// Append an event.
  static let event: UInt8 = 1
  /// Answer, and change nothing.
  static let query: UInt8 = 2
  /// Answer as to `event`, to somebody who stores nothing.
  static let echo: UInt8 = 5
  /// Append an event, and fire at once and over and over: the args of a start.
  static let chain: UInt8 = 3
  /// Append an event, and fire at the time that the machine's id names: the args of a start.
  static let timer: UInt8 = 4
  /// Append an event, and notify the machine's partner at once: the args of a call.
  static let send: UInt8 = 6
  /// Append an event, and send `Delayed.messages` that are due in a day: the args of a call.
  static let delay: UInt8 = 7
}

/// Who is notified by whom.
enum Partner {
  static func of(_ machine: MachineID) -> MachineID {
    MachineID(namespace: machine.namespace, id: machine.id + "/partner")
  }
}

/// The messages that nobody waits for.
enum Delayed {
  /// How many one call sends.
  static let messages = 100
  /// Microseconds: a day.
  static let delay: Int64 = 86_400_000_000
}

/// The ids of machines whose timers are due at a known time.
enum TimedID {
  static func make(_ prefix: String, due: Timestamp, number: Int) -> String {
    "\(prefix)/\(due.microseconds)/\(number)"
  }

  /// When the machine's timer was to fire; nil if the id does not say.
  static func due(_ id: String) -> Timestamp? {
    let parts = id.split(separator: "/")
    guard parts.count == 3, let microseconds = Int64(parts[1]) else { return nil }
    return Timestamp(microseconds: microseconds)
  }
}

/// What every step of the benchmark appends: an event of 200 bytes.
enum Payload {
  static let bytes = [UInt8]((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) })
  static let change = StateChange(events: [Content(formatVersion: 1, data: bytes)])
}

extension Timestamp {
  /// By the clock of this machine.
  static var now: Timestamp { Timestamp(microseconds: KernelClock.wallClockMicroseconds) }
}
