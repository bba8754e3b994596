import Logging
import NIOPosix
import ProgressorEngine
import ProgressorStorage
import ServiceLifecycle
import Synchronization

/// Opens storage, waiting for a database that is not there yet: it may start together with us, or
/// be changed by another node at the moment.
struct StorageOpening {
  let configuration: StorageConfiguration
  /// How long to wait in all.
  let patience: Duration
  let logger: Logger
  let deliver: @Sendable (Input) -> Void

  /// Throws when the database cannot be used, or was not there in time, or the server is to stop.
  func open() async throws(NodeFailure) -> Storage {
    let interruption = StartInterruption()
    let result = await withGracefulShutdownHandler {
      await open(interruption)
    } onGracefulShutdown: {
      interruption.raise()
    }
    return try result.get()
  }

  private func open(_ interruption: StartInterruption) async -> Result<Storage, NodeFailure> {
    let clock = ContinuousClock()
    let end = clock.now + patience
    while true {
      let failure: StorageError
      switch await attempt(interruption, until: end) {
      case .success(let storage): return .success(storage)
      case .failure(let error): failure = error
      }
      let stopped = NodeFailure(.stopped, "stopped while waiting for the database")
      if Task.isShuttingDownGracefully { return .failure(stopped) }
      let mayPass = failure.kind == .unreachable || failure.kind == .crowded
      guard mayPass, clock.now < end else {
        return .failure(NodeFailure(failure))
      }
      logger.warning("waiting for the database", metadata: ["error": "\(failure)"])
      do { try await Task.sleep(for: .milliseconds(500), clock: clock) } catch {
        return .failure(stopped)
      }
    }
  }

  /// One attempt, on a thread that may block.
  private func attempt(
    _ interruption: StartInterruption, until end: ContinuousClock.Instant
  ) async -> Result<Storage, StorageError> {
    let (logger, deliver) = (logger, deliver)
    var configuration = configuration
    configuration.schemaPatience = max(.zero, ContinuousClock.now.duration(to: end))
    do {
      return try await NIOThreadPool.singleton.runIfActive { [configuration] in
        Result { () throws(StorageError) in
          try Storage.start(
            configuration, logger: logger, interruption: interruption, deliver: deliver,
            databaseWentBack: { reason in
              logger.critical(
                "the database went back in time: acknowledged steps are missing",
                metadata: ["reason": "\(reason)"])
            })
        }
      }
    } catch {
      return .failure(StorageError(.unreachable, "\(error)"))
    }
  }
}

/// Where the clock's offset comes from: storage knows it, but is made after the clock.
final class StorageClockOffset: Sendable {
  private let storage = Mutex<Storage?>(nil)

  /// Microseconds by which the database's clock is ahead; 0 before storage is there.
  var microseconds: Int64 { storage.withLock { $0 }?.clockOffset ?? 0 }

  func follow(_ storage: Storage?) {
    self.storage.withLock { $0 = storage }
  }
}
