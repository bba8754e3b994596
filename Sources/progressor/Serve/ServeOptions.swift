import ArgumentParser

/// The flags of `progressor serve`, which are the nearest settings at hand.
struct ServeOptions: ParsableArguments {
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
    help: ArgumentHelp("A file of the digests of tokens that are taken.", valueName: "path"))
  var authenticationTokens: String?

  @Option(
    help: ArgumentHelp("A file of rules: who may do what.", valueName: "path"))
  var authorizationFile: String?

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

  /// Where the configuration comes from: these flags, the environment, and the file that is named
  /// here or by `PROGRESSOR_CONFIG`.
  var source: ConfigurationSource {
    source(path: config ?? Environment.value("PROGRESSOR_CONFIG"))
  }

  /// The same with another file.
  func source(path: String?) -> ConfigurationSource {
    var flags: [String: [String]] = [:]
    if !listen.isEmpty { flags["listen"] = listen }
    if !namespace.isEmpty { flags["namespaces"] = namespace }
    for (key, value) in [
      ("authentication.tokens", authenticationTokens), ("authorization.file", authorizationFile),
      ("metrics_listen", metricsListen), ("database.url", databaseUrl), ("data_dir", dataDir),
      ("cores", cores), ("log.level", logLevel),
    ] {
      if let value { flags[key] = [value] }
    }
    return ConfigurationSource(flags: flags, path: path)
  }
}
