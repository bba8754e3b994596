import Logging
import ProgressorServer

/// Reads the configuration again at each SIGHUP, one time after the other. The signal never ends
/// the process, which the closing of a terminal would do else.
struct Reloading {
  private let signal: CaughtSignal
  private let requests: AsyncStream<Void>

  /// From now on the signal counts, also before `follow`. Until then it is ignored
  /// (``EarlySignals``).
  init() throws(CaughtSignalError) {
    // Who asks while another time is waiting asks for the same.
    let (requests, request) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.requests = requests
    signal = try CaughtSignal(.hangup) { request.yield() }
  }

  /// Tells the node what was read, until the task is cancelled. What is wrong changes nothing.
  func follow(
    _ source: ConfigurationSource, _ node: Node, _ threshold: LogThreshold,
    _ manager: ServiceManager?, _ logger: Logger
  ) -> Task<Void, Never> {
    let requests = requests
    return Task {
      for await _ in requests {
        if let manager {
          await manager.reloading { await Self.reload(source, node, threshold, logger) }
        } else {
          await Self.reload(source, node, threshold, logger)
        }
      }
    }
  }

  private static func reload(
    _ source: ConfigurationSource, _ node: Node, _ threshold: LogThreshold, _ logger: Logger
  ) async {
    await node.readFilesAgain(always: true)
    guard source.path != nil else {
      logger.warning("SIGHUP: there is no configuration file that could be read again")
      return
    }
    do {
      let configuration = try source.read()
      let level = configuration.log.level
      if threshold.change(to: level) {
        // At any level: the lines after it are more or fewer than those before.
        var announcer = logger
        announcer.logLevel = .notice
        announcer.notice(
          "the configuration was read again: the log has another level",
          metadata: ["level": "\(level)"])
      }
      await node.reload(configuration)
    } catch {
      logger.error(
        "SIGHUP: the configuration cannot be used, the one before stays in force",
        metadata: ["error": "\(error)"])
    }
  }

  /// The signal is ignored from now on.
  func cancel() { signal.cancel() }
}
