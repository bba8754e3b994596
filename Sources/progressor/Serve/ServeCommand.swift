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
      reads the configuration file again and creates and changes namespaces as it says.
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    Allocator.returnLargeBlocks()
    let reloading = Reloading()
    defer { reloading.cancel() }
    let source = options.source
    let configuration: NodeConfiguration
    do { configuration = try source.read() } catch { throw Serving.misconfigured("\(error)") }
    let log = configuration.log
    LoggingSystem.bootstrap { LineLogHandler(label: $0, configuration: log) }
    let logger = Logger(label: "progressor")
    logger.info("starting", metadata: ["version": "\(Version.current)"])
    for warning in ConfigurationReport.warnings(of: Environment.all) {
      logger.warning("\(warning)")
    }
    // Who waits for this line does so at any log level.
    var announcer = logger
    announcer.logLevel = min(logger.logLevel, .notice)
    let node = Node(configuration: configuration, logger: logger) { [announcer] addresses in
      for address in addresses { announcer.notice("listening on \(address)") }
    }
    let group = ServiceGroup(services: [node], logger: Logger(label: "progressor.services"))
    let signals = StopSignals { Task { await group.triggerGracefulShutdown() } }
    let following = reloading.follow(source, node, logger)
    defer {
      signals.cancel()
      following.cancel()
    }
    do {
      try await group.run()
    } catch let failure as NodeFailure {
      throw Serving.failed(failure)
    }
    logger.info("stopped")
  }
}
