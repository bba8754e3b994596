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

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Serve on HOST:PORT or unix:PATH; may be repeated. (default: 127.0.0.1:7070)",
      valueName: "address"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp("Serve /metrics for Prometheus on HOST:PORT.", valueName: "address"))
  var metricsListen: String?

  @Option(
    help: ArgumentHelp(
      "The PostgreSQL database; without one, a private cluster in the data directory.",
      valueName: "url"))
  var databaseUrl: String?

  @Option(
    help: ArgumentHelp("The directory of the private PostgreSQL cluster.", valueName: "path"))
  var dataDir: String?

  @Option(
    help: ArgumentHelp(
      """
      How many engines, each on an event loop of its own: 1 to 64; see docs/performance.md. \
      (default: one for each four processors, at least 1, at most 16)
      """,
      valueName: "n"))
  var cores: String?

  @Option(
    help: ArgumentHelp("A configuration file. (env: PROGRESSOR_CONFIG)", valueName: "path"))
  var config: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Create a namespace with this processor, or point it there; may be repeated.",
      valueName: "name=host:port"))
  var namespace: [String] = []

  @Option(
    help: ArgumentHelp(
      "trace, debug, info, notice, warning, error or critical. (default: info)",
      valueName: "level"))
  var logLevel: String?

  func run() async throws {
    Allocator.returnLargeBlocks()
    let reloading = Reloading()
    defer { reloading.cancel() }
    let source = source
    let configuration: NodeConfiguration
    do { configuration = try source.read() } catch { throw Serving.misconfigured("\(error)") }
    let log = configuration.log
    LoggingSystem.bootstrap { LineLogHandler(label: $0, configuration: log) }
    let logger = Logger(label: "progressor")
    logger.info("starting", metadata: ["version": "\(Version.current)"])
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

  private var source: ConfigurationSource {
    var flags: [String: [String]] = [:]
    if !listen.isEmpty { flags["listen"] = listen }
    if !namespace.isEmpty { flags["namespaces"] = namespace }
    for (key, value) in [
      ("metrics_listen", metricsListen), ("database.url", databaseUrl), ("data_dir", dataDir),
      ("cores", cores), ("log.level", logLevel),
    ] {
      if let value { flags[key] = [value] }
    }
    return ConfigurationSource(flags: flags, path: config ?? Environment.value("PROGRESSOR_CONFIG"))
  }
}
