import Foundation
import Glibc
import Logging
import Synchronization

/// The thread that starts PostgreSQL and stays with it. It has to be one thread for the whole life:
/// the signal that ends PostgreSQL with us follows the thread that started it.
final class ServerSupervisor: Sendable {
  private struct State {
    var hasStarted = false
    var isStopping = false
    /// How long a fast shutdown may take, if whoever stops the cluster said so.
    var stopTimeout: Duration?
    var hasEnded = false
    /// Not reaped yet, so that the id is still its own.
    var child: ChildProcess?
    var socketDirectory: SocketDirectory?
    var installation: Installation?
    var onEnd: [@Sendable () -> Void] = []
  }

  private let configuration: PrivateServerConfiguration
  private let logger: Logger
  private let state = Mutex(State())

  /// Signalled when the child ends and when the cluster is to stop.
  private let events = DispatchSemaphore(value: 0)

  init(configuration: PrivateServerConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  var processID: pid_t? { state.withLock { $0.child?.processID } }
  var socketDirectory: SocketDirectory? { state.withLock { $0.socketDirectory } }
  var installation: Installation? { state.withLock { $0.installation } }
  private var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Starts the thread; `completion` is called once, on it.
  func start(completion: @escaping @Sendable (Result<Void, EmbeddedPostgreSQLError>) -> Void) {
    let isFirst = state.withLock { state in
      defer { state.hasStarted = true }
      return !state.hasStarted && !state.isStopping
    }
    guard isFirst else {
      let error = EmbeddedPostgreSQLError(.stopped, "the cluster was started or stopped before")
      return completion(.failure(error))
    }
    let thread = Thread { self.run(completion) }
    thread.name = "postgres"
    thread.start()
  }

  /// Tells the cluster to stop; `completion` is called once it has.
  func stop(within timeout: Duration? = nil, completion: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      state.isStopping = true
      state.stopTimeout = timeout ?? state.stopTimeout
      if state.hasEnded || !state.hasStarted { return true }
      state.onEnd.append(completion)
      return false
    }
    if isOver { return completion() }
    events.signal()
  }

  private func run(_ completion: (Result<Void, EmbeddedPostgreSQLError>) -> Void) {
    var launch: ServerLaunch?
    var failure: EmbeddedPostgreSQLError?
    do {
      let prepared = try ServerLaunch(preparing: configuration, logger: logger)
      launch = prepared
      state.withLock { state in
        state.socketDirectory = prepared.socketDirectory
        state.installation = prepared.installation
      }
      try startFirst(prepared)
      logger.info(
        "PostgreSQL accepts connections",
        metadata: ["version": "\(prepared.installation.majorVersion)", "pid": "\(processID ?? 0)"])
      completion(.success(()))
      watch(prepared)
    } catch {
      failure = error
    }
    launch?.socketDirectory.removeIfEmpty()
    // The lock is released only now that nothing runs any more, and before anybody is told.
    launch = nil
    if let failure { completion(.failure(failure)) }
    let onEnd = state.withLock { state in
      state.hasEnded = true
      return exchange(&state.onEnd, with: [])
    }
    for completion in onEnd { completion() }
  }

  /// The first start, which is the caller's to know about. Children of a postmaster that was killed
  /// hold its shared memory for a moment longer; that alone is worth another attempt.
  private func startFirst(_ launch: ServerLaunch) throws(EmbeddedPostgreSQLError) {
    let deadline = ContinuousClock.now.advanced(by: configuration.startTimeout)
    while true {
      let logOffset = launch.log.size
      try spawn(launch)
      guard let status = waitUntilReady(until: deadline) else { return }
      let tail = launch.log.tail(from: logOffset)
      if isStopping { throw EmbeddedPostgreSQLError(.stopped, "stopped while starting") }
      if tail.contains("shared memory block"), ContinuousClock.now < deadline {
        pause(for: .milliseconds(250))
        continue
      }
      let reason =
        ContinuousClock.now < deadline
        ? "\(status)" : "not ready within \(configuration.startTimeout)"
      throw EmbeddedPostgreSQLError(
        .startFailed, "PostgreSQL did not start (\(reason)): \(tail)",
        advice: "the whole log is \(launch.log.path); nothing was deleted")
    }
  }

  /// Waits for the end, over and over; returns when it was told to stop.
  private func watch(_ launch: ServerLaunch) {
    var backoff = Duration.milliseconds(100)
    while true {
      let status = waitForEnd()
      if isStopping { return }
      logger.error(
        "PostgreSQL ended by itself and is started again",
        metadata: ["status": "\(status)", "pause": "\(backoff)", "log": "\(launch.log.path)"])
      pause(for: backoff)
      backoff = min(backoff * 2, .seconds(10))
      if isStopping { return }
      do {
        try spawn(launch)
      } catch {
        logger.error("PostgreSQL cannot be started", metadata: ["error": "\(error)"])
        continue
      }
      if waitUntilReady(until: nil) == nil {
        logger.notice("PostgreSQL accepts connections again")
        backoff = .milliseconds(100)
      }
    }
  }

  private func spawn(_ launch: ServerLaunch) throws(EmbeddedPostgreSQLError) {
    let child = try launch.spawn()
    state.withLock { $0.child = child }
    let events = self.events
    Thread.detachNewThread {
      child.waitUntilEnded()
      events.signal()
    }
  }

  /// Nil when PostgreSQL accepts connections; else how it ended.
  private func waitUntilReady(until deadline: ContinuousClock.Instant?) -> ExitStatus? {
    while true {
      if let status = reapIfEnded() { return status }
      if let processID, let file = PostmasterFile(inCluster: configuration.clusterPath),
        file.processID == processID, file.isReady
      {
        return nil
      }
      if isStopping || deadline.map({ ContinuousClock.now >= $0 }) == true { return shutDown() }
      _ = events.wait(timeout: .now() + .milliseconds(10))
    }
  }

  /// How PostgreSQL ended: by itself, or because it was told to stop.
  private func waitForEnd() -> ExitStatus {
    while true {
      if let status = reapIfEnded() { return status }
      if isStopping { return shutDown() }
      events.wait()
    }
  }

  /// Fast shutdown; immediate shutdown when that takes too long; the end of all its processes, if
  /// even that does, for instance because they are frozen. The next start recovers then.
  private func shutDown() -> ExitStatus {
    let timeout = state.withLock { $0.stopTimeout } ?? configuration.stopTimeout
    let first = configuration.stopsImmediately ? ShutdownStep.immediate : .fast(within: timeout)
    for step in [first, .immediate, .kill] {
      guard let processID else { return .exited(-1) }
      if step != first {
        logger.warning("PostgreSQL does not stop", metadata: ["next": "\(step)"])
      }
      step.take(on: processID)
      let deadline = ContinuousClock.now.advanced(by: step.patience)
      while ContinuousClock.now < deadline {
        if let status = reapIfEnded() { return status }
        _ = events.wait(timeout: .now() + .milliseconds(100))
      }
    }
    logger.error("PostgreSQL cannot be ended", metadata: ["pid": "\(processID ?? 0)"])
    return .killed(signal: SIGKILL)
  }

  private func reapIfEnded() -> ExitStatus? {
    state.withLock { state in
      guard let child = state.child else { return .exited(-1) }
      guard child.hasEnded else { return nil }
      state.child = nil
      return child.reap()
    }
  }

  /// Waits, unless the cluster is told to stop.
  private func pause(for duration: Duration) {
    let deadline = ContinuousClock.now.advanced(by: duration)
    while !isStopping, ContinuousClock.now < deadline {
      _ = events.wait(timeout: .now() + .milliseconds(50))
    }
  }
}
