import ArgumentParser
import GRPC
import Logging
import ProgressorServer
import ServiceLifecycle

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the server.",
    discussion: """
      Every option has an environment variable too, PROGRESSOR_ and its name: PROGRESSOR_LISTEN, \
      PROGRESSOR_NAMESPACES (lists with commas). The command line goes before the environment, the \
      environment before the file.

      SIGTERM and SIGINT let running requests end and stop; a second one stops at once. SIGHUP \
      reads the configuration file again and creates and changes namespaces as it says; and \
      certificates, keys, tokens and rules. A service manager (systemd, Type=notify) is told of \
      all that.
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    Allocator.returnFreeMemory()
    let invitation = Environment.takeInvitation()
    let reloading = try Reloading()
    defer { reloading.cancel() }
    let source = options.source
    let configuration: NodeConfiguration
    do { configuration = try source.read() } catch { throw Serving.misconfigured("\(error)") }
    let log = configuration.log
    let name = configuration.nodeName
    let threshold = LogThreshold(log.level)
    LoggingSystem.bootstrap { label in
      var handler = LineLogHandler(label: label, configuration: log, threshold: threshold)
      // Programs read the lines of several nodes together.
      if log.format == .json { handler[metadataKey: "node"] = "\(name)" }
      return handler
    }
    let logger = Logger(label: "progressor")
    logger.info("starting", metadata: ["version": "\(Version.current)"])
    let warnings = ConfigurationReport.warnings(of: Environment.all) + configuration.warnings
    for warning in warnings {
      logger.warning("\(warning)")
    }
    // Who waits for this line does so at any log level.
    var announcer = logger
    announcer.logLevel = min(logger.logLevel, .notice)
    let manager = ServiceManager(invitation, logger: logger)
    let node = Node(
      configuration: configuration, logger: logger, acceptsRestored: options.acceptRestored,
      onServing: { [announcer] addresses in
        for address in addresses { announcer.notice("listening on \(address)") }
      },
      onListening: { manager?.started() })
    let group = ServiceGroup(services: [node], logger: Logger(label: "progressor.services"))
    let patience = Serving.stopPatience(configuration)
    let signals = try StopSignals {
      manager?.stopping(within: patience)
      Task { await group.triggerGracefulShutdown() }
    }
    let following = [
      reloading.follow(source, node, threshold, manager, logger), manager?.follow(node),
    ]
    defer {
      signals.cancel()
      for task in following { task?.cancel() }
    }
    do {
      try await group.run()
    } catch let failure as NodeFailure {
      // What led there stands before it.
      LineLogHandler.flush()
      if failure.kind != .stopped { manager?.failed(failure.description) }
      throw Serving.failed(failure)
    }
    logger.info("stopped")
  }
}
