import MachineModel

/// What a service manager is told, and in which order (sd_notify(3)). A value: it decides, and
/// sends nothing.
///
/// What says in which state the service is must arrive: it waits, in order, until the manager
/// reads. The rest is told again anyway.
struct ServiceNotices {
  private enum Phase { case starting, ready, stopping }

  /// Begins and ends of reloads that wait, at most: the manager has been away for long then, and
  /// what it is told last is what counts.
  static let maximumWaiting = 32
  /// Of a status line.
  static let maximumStatusBytes = 512

  private var phase = Phase.starting
  private var waiting: [String] = []
  private var status = ""

  /// Whether the service serves as the manager was told, and its life is to be watched.
  var isReady: Bool { phase == .ready }
  /// Whether it starts or stops, which takes its time.
  var isInTransition: Bool { phase != .ready }

  /// The start is over. Once.
  mutating func started() {
    guard phase == .starting else { return }
    phase = .ready
    add("READY=1")
  }

  /// The configuration is read again.
  ///
  /// - Parameter time: Microseconds of CLOCK_MONOTONIC, not before the manager asked for it.
  mutating func reloadBegan(at time: UInt64) {
    guard phase == .ready else { return }
    add("RELOADING=1\nMONOTONIC_USEC=\(time)")
  }

  /// That is over, whatever came of it.
  mutating func reloadEnded() {
    guard phase == .ready else { return }
    add("READY=1")
  }

  /// It ends; nothing but that counts from now on.
  mutating func stopping() {
    guard phase != .stopping else { return }
    phase = .stopping
    add("STOPPING=1")
  }

  /// The line to send about how the service fares; nil = it was sent.
  func news(of text: String) -> String? {
    let line = ServiceNotices.line(text)
    return line.utf8.elementsEqual(status.utf8) ? nil : "STATUS=\(line)"
  }

  /// The line about it has left.
  mutating func told(_ text: String) { status = ServiceNotices.line(text) }

  /// What is to be sent before anything else.
  var next: String? { waiting.first }

  /// It has left.
  mutating func sentNext() {
    if !waiting.isEmpty { waiting.removeFirst() }
  }

  private mutating func add(_ message: String) {
    // A reload is a begin and an end: both go.
    if waiting.count >= ServiceNotices.maximumWaiting { waiting.removeSubrange(0..<2) }
    waiting.append(message)
  }

  /// A line's end would begin another assignment.
  private static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
      let shown = scalar.steersText ? " " : scalar
      bytes += UTF8.width(shown)
      if bytes > maximumStatusBytes { break }
      scalars.append(shown)
    }
    return String(scalars)
  }
}
