import Glibc
public import Logging
import Synchronization

/// The service manager that started the process, systemd or one that does as it does: it is told
/// when the server is ready, reads its configuration again, stops, and that it lives. Whoever was
/// started by nobody tells nobody.
///
/// It never waits for the manager, and nothing waits for it.
public final class ServiceManager: Sendable {
  /// What the environment says of a manager.
  public struct Invitation: Sendable, Hashable {
    /// Where it listens; nil = there is none.
    public var socket: String?
    /// Microseconds within which it wants to hear that the process lives; nil = it does not.
    public var watchdog: Int64?

    /// - Parameter processID: Whose environment that is; the watchdog may be meant for another.
    public init(environment: [String: String], processID: Int32) {
      socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
      let isMeant = environment["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
      let interval = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
      watchdog = isMeant && interval > 0 ? interval : nil
    }

    /// The names of the variables: the process's children are not meant.
    public static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
  }

  /// Between two looks at how the server fares, at most.
  private static let interval: Duration = .seconds(1)
  /// For so long a manager that lets a start or a stop take some time adds to it each time.
  private static let extensionNotice = "EXTEND_TIMEOUT_USEC=30000000"
  private static let extensionInterval: Duration = .seconds(10)

  private struct State {
    var notices = ServiceNotices()
    var hasFailed = false
    /// Until when a stop may ask for time.
    var end: ContinuousClock.Instant?
  }

  private let socket: NotifySocket
  private let watchdog: Int64?
  private let logger: Logger
  private let state = Mutex(State())

  /// nil = there is no manager, or none that can be reached, which the log says.
  public init?(_ invitation: Invitation, logger: Logger) {
    guard let name = invitation.socket else { return nil }
    guard let socket = NotifySocket(name) else {
      logger.warning(
        "NOTIFY_SOCKET is no path and no abstract name: the service manager is told nothing",
        metadata: ["socket": "\(name)"])
      return nil
    }
    self.socket = socket
    watchdog = invitation.watchdog
    self.logger = logger
  }

  /// The server listens, as owner of machines or as a standby.
  public func started() { tell { $0.started() } }

  /// Reads the configuration again by `body`.
  public func reloading(_ body: () async -> Void) async {
    tell { $0.reloadBegan(at: ServiceManager.monotonicMicroseconds) }
    await body()
    tell { $0.reloadEnded() }
  }

  /// The server stops.
  ///
  /// - Parameter patience: How long that may take.
  public func stopping(within patience: Duration) {
    state.withLock { state in
      if state.end == nil { state.end = .now + patience }
    }
    tell { $0.stopping() }
  }

  /// The server cannot run, for people.
  public func failed(_ reason: String) {
    state.withLock { state in
      flush(&state)
      if let line = state.notices.news(of: reason) { send(line, &state) }
    }
  }

  /// Tells how the node fares until the task is cancelled, and that its loops take turns.
  public func follow(_ node: Node) -> Task<Void, Never> {
    let pulse = LoopPulse()
    let interval = min(
      ServiceManager.interval, .microseconds(watchdog.map { max(1_000, $0 / 3) } ?? .max))
    return Task { [self] in
      var extensions = ContinuousClock.now
      while !Task.isCancelled {
        let isAlive = node.takesTurns(pulse)
        let status = node.statusLine
        let mayExtend = ContinuousClock.now >= extensions
        if mayExtend { extensions = .now + ServiceManager.extensionInterval }
        state.withLock { state in
          flush(&state)
          if let line = state.notices.news(of: status), send(line, &state) {
            state.notices.told(status)
          }
          if watchdog != nil, isAlive, state.notices.isReady { send("WATCHDOG=1", &state) }
          if mayExtend, state.notices.isInTransition, state.end.map({ .now < $0 }) ?? true {
            send(ServiceManager.extensionNotice, &state)
          }
        }
        try? await Task.sleep(for: interval)
      }
    }
  }

  private func tell(_ change: (inout ServiceNotices) -> Void) {
    state.withLock { state in
      change(&state.notices)
      flush(&state)
    }
  }

  private func flush(_ state: inout State) {
    while let message = state.notices.next, send(message, &state) { state.notices.sentNext() }
  }

  /// Whether nothing is left to be done about it.
  @discardableResult
  private func send(_ message: String, _ state: inout State) -> Bool {
    switch socket.send(message) {
    case .full: return false
    case .sent: return true
    case .failed(let reason):
      if !state.hasFailed {
        state.hasFailed = true
        logger.warning("the service manager cannot be told", metadata: ["error": "\(reason)"])
      }
      return true
    }
  }

  /// CLOCK_MONOTONIC, by which the manager compares.
  private static var monotonicMicroseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
  }
}
