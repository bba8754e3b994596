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
    help: ArgumentHelp(
      "Serve TLS on TCP with this certificate chain, a PEM file.", valueName: "path"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The private key of the certificate, a PEM file.", valueName: "path"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "Take clients only with a certificate of these authorities, a PEM file.", valueName: "path"))
  var tlsClientCa: String?

  @Flag(
    help: """
      Serve on other than loopback addresses although nobody says who may do what, or metrics.
      """)
  var insecure = false

  @Option(
    help: ArgumentHelp(
      "The folder of the files that namespaces may name for TLS.", valueName: "path"))
  var processorTlsDirectory: String?

  @Option(
    help: ArgumentHelp("Serve /metrics for Prometheus on HOST:PORT.", valueName: "address"))
  var metricsListen: String?

  @Option(
    help: ArgumentHelp(
      "Send traces to this OTLP collector, by gRPC. (env: OTEL_EXPORTER_OTLP_ENDPOINT, too)",
      valueName: "url"))
  var otlpEndpoint: String?

  @Option(
    help: ArgumentHelp("The authorities of an https collector, a PEM file.", valueName: "path"))
  var otlpCertificate: String?

  @Option(
    help: ArgumentHelp("A file of the digests of tokens that are taken.", valueName: "path"))
  var authenticationTokens: String?

  @Option(
    help: ArgumentHelp(
      "A file of an issuer's public keys (JWKS), whose JSON Web Tokens are taken.",
      valueName: "path"))
  var authenticationJwtJwks: String?

  @Option(help: ArgumentHelp("The `iss` of such tokens.", valueName: "text"))
  var authenticationJwtIssuer: String?

  @Option(help: ArgumentHelp("The `aud` of such tokens.", valueName: "text"))
  var authenticationJwtAudience: String?

  @Option(
    help: ArgumentHelp("A file of rules: who may do what.", valueName: "path"))
  var authorizationFile: String?

  @Option(
    help: ArgumentHelp(
      "The PostgreSQL database; without one, a private cluster in the data directory.",
      valueName: "url"))
  var databaseUrl: String?

  @Option(
    help: ArgumentHelp(
      """
      on-start or never: whether a start migrates the schema of the database. (default: on-start)
      """,
      valueName: "when"))
  var migrate: String?

  @Option(
    help: ArgumentHelp("The directory of the private PostgreSQL cluster.", valueName: "path"))
  var dataDir: String?

  @Flag(
    help: """
      Go on with a database that was restored from a backup: all its namespaces are paused, and \
      resumed one by one by `progressor namespace resume`. To be given once.
      """)
  var acceptRestored = false

  @Option(
    help: ArgumentHelp("What people call this node. (default: the host's name)", valueName: "name"))
  var nodeName: String?

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

  @Option(help: ArgumentHelp("human or json. (default: human)", valueName: "format"))
  var logFormat: String?

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
    if insecure { flags["insecure"] = ["true"] }
    for (key, value) in [
      ("tls.certificate", tlsCertificate), ("tls.key", tlsKey), ("tls.client_ca", tlsClientCa),
      ("processor_tls_directory", processorTlsDirectory),
      ("authentication.tokens", authenticationTokens), ("authorization.file", authorizationFile),
      ("authentication.jwt.jwks", authenticationJwtJwks),
      ("authentication.jwt.issuer", authenticationJwtIssuer),
      ("authentication.jwt.audience", authenticationJwtAudience),
      ("otlp.endpoint", otlpEndpoint), ("otlp.certificate", otlpCertificate),
      ("metrics_listen", metricsListen), ("database.url", databaseUrl), ("data_dir", dataDir),
      ("migrate", migrate),
      ("cores", cores), ("node_name", nodeName), ("log.level", logLevel),
      ("log.format", logFormat),
    ] {
      if let value { flags[key] = [value] }
    }
    return ConfigurationSource(flags: flags, path: path)
  }
}
