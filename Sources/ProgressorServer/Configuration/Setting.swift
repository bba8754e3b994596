/// One key of the configuration: what it is called everywhere, what it may hold, what it means.
///
/// ``Setting/all`` is the one list of them. The file, the environment and the command line are read
/// by it, and the documentation is checked against it.
public struct Setting: Sendable, Hashable {
  /// What the text of a value must be.
  public enum Kind: Sendable, Hashable {
    /// Any text that is not empty.
    case text
    /// Several texts: a sequence in the file, commas in the environment, a repeated flag.
    case list
    /// A whole number of this range.
    case integer(ClosedRange<Int>)
    /// A number with a unit (`us`, `ms`, `s`, `m`, `h`, `d`), in microseconds of this range.
    case duration(ClosedRange<Int>)
    /// A number of bytes, or one with `KiB`, `MiB`, `GiB`, of this range.
    case size(ClosedRange<Int>)
    /// One of these words.
    case choice([String])
  }

  /// The path in the file, joined by dots: `limits.requests`.
  public let key: String
  /// What its values are.
  public let kind: Kind
  /// The value when nobody gives one, as it would be written; empty = none.
  public let defaultText: String
  /// The command line's flag of `progressor serve`, nil = none.
  public let flag: String?
  /// Whether the value may hold a password and is never printed.
  public let isSecret: Bool
  /// What it means, one sentence for the documentation.
  public let meaning: String

  init(
    _ key: String, _ kind: Kind, default defaultText: String = "", flag: String? = nil,
    isSecret: Bool = false, _ meaning: String
  ) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.flag = flag
    self.isSecret = isSecret
    self.meaning = meaning
  }

  /// The environment variable: `PROGRESSOR_LIMITS_REQUESTS`.
  ///
  /// No key may be called `port`, `port_…`, `service_host` or `service_port`: Kubernetes sets such
  /// variables in every pod when a service is called progressor.
  public var environmentVariable: String {
    "PROGRESSOR_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
  }

  /// All keys but `namespaces`, whose members ``NamespaceSetting/all`` names.
  public static let all: [Setting] = [
    Setting(
      "listen", .list, default: "127.0.0.1:7070", flag: "--listen",
      "Addresses to serve on: HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes a free one. In "
        + "the file also {address, tls: {certificate, key, client_ca, client_certificates: "
        + "none|optional|required}, services: [automaton, namespaces, repair_jobs, cluster, "
        + "reflection, health]}."),
    Setting(
      "tls.certificate", .text, flag: "--tls-certificate",
      "PEM file of the certificate chain, leaf first, of all TCP listeners that have none of their "
        + "own; read again when it changes. By default there is no TLS."),
    Setting(
      "tls.key", .text, flag: "--tls-key",
      "PEM file of its private key, which others must not be able to read."),
    Setting(
      "tls.client_ca", .text, flag: "--tls-client-ca",
      "PEM file of the authorities by which clients' certificates are known; clients must have one "
        + "then. By default they are not asked."),
    Setting(
      "insecure", .choice(["true", "false"]), default: "false", flag: "--insecure",
      "Serve on other than loopback addresses although nobody says who may do what, and metrics "
        + "there at all."),
    Setting(
      "processor_tls_directory", .text, flag: "--processor-tls-directory",
      "Folder of the PEM files that namespaces may name for the TLS of their processors; by "
        + "default they may name none."),
    Setting(
      "metrics_listen", .text, flag: "--metrics-listen",
      "Address on which Prometheus finds /metrics, HOST:PORT; by default metrics are not served."),
    Setting(
      "otlp.endpoint", .text, flag: "--otlp-endpoint",
      "Collector of traces, OTLP over gRPC: http://HOST:PORT or https://HOST:PORT; else "
        + "OTEL_EXPORTER_OTLP_ENDPOINT. By default no spans are made."),
    Setting(
      "otlp.certificate", .text, flag: "--otlp-certificate",
      "PEM file of the authorities that sign an https collector's certificate; else "
        + "OTEL_EXPORTER_OTLP_CERTIFICATE. By default those of the system."),
    Setting(
      "otlp.headers", .text, isSecret: true,
      "What is sent to the collector as metadata: NAME=VALUE,NAME=VALUE, values percent-encoded; "
        + "else OTEL_EXPORTER_OTLP_HEADERS."),
    Setting(
      "otlp.sampler", .choice(TraceSampler.names), default: "parentbased_traceidratio",
      "Which traces are recorded, as OTEL_TRACES_SAMPLER, which counts where this is not set."),
    Setting(
      "otlp.sampler_ratio", .text, default: "1",
      "The part of traces that the ratio samplers record, 0 to 1; else OTEL_TRACES_SAMPLER_ARG."),
    Setting(
      "database.url", .text, flag: "--database-url", isSecret: true,
      "A PostgreSQL connection string or URL; without one the server runs a private cluster in "
        + "data_dir."),
    Setting(
      "migrate", .choice(["on-start", "never"]), default: "on-start", flag: "--migrate",
      "Whether a start makes and migrates the schema of database.url; never = one that is not up "
        + "to date is refused, and `progressor database migrate` is run before."),
    Setting(
      "data_dir", .text, flag: "--data-dir",
      "Directory of the private PostgreSQL cluster; by default /var/lib/progressor for root, "
        + "else $XDG_DATA_HOME/progressor or ~/.local/share/progressor."),
    Setting(
      "authentication.tokens", .text, flag: "--authentication-tokens",
      "File of the tokens' digests, a line PRINCIPAL sha256:HEX GROUP,GROUP for each; read again "
        + "when it changes. By default no tokens are taken."),
    Setting(
      "authentication.jwt.jwks", .text, flag: "--authentication-jwt-jwks",
      "File of an issuer's public keys, a JSON Web Key Set; read again when it changes. By default "
        + "no JSON Web Tokens are taken."),
    Setting(
      "authentication.jwt.issuer", .text, flag: "--authentication-jwt-issuer",
      "The `iss` of the tokens that are taken; needed with jwks."),
    Setting(
      "authentication.jwt.audience", .text, flag: "--authentication-jwt-audience",
      "What `aud` of a token must be or contain; needed with jwks."),
    Setting(
      "authentication.jwt.principal_claim", .text, default: "sub",
      "The claim that names a token's principal."),
    Setting(
      "authentication.jwt.groups_claim", .text, default: "groups",
      "The claim that lists a token's groups; a token may have none."),
    Setting(
      "authentication.jwt.leeway", .duration(0...600_000_000), default: "30s",
      "By how much the issuer's clock may be wrong."),
    Setting(
      "authorization.file", .text, flag: "--authorization-file",
      "File of the rules that allow something, instead of authorization.rules; read again when it "
        + "changes. Without rules and tokens everything is allowed to everybody."),
    Setting(
      "log.level", .choice(LogConfiguration.levels), default: "info", flag: "--log-level",
      "The least severe messages that are logged."),
    Setting(
      "log.format", .choice(["human", "json", "text"]), default: "human", flag: "--log-format",
      "How log lines are written on standard error: for people, or as an object of texts each; "
        + "text is an old name of human."),
    Setting(
      "node_name", .text, flag: "--node-name",
      "What people call this node, in the log and in `progressor status`; by default the host's "
        + "name."),
    Setting(
      "lease", .duration(1_000_000...600_000_000), default: "10s",
      "How long this node's claim on its shards lasts unless renewed: another node can take over "
        + "after it."),
    Setting(
      "shards", .integer(1...32_768), default: "1024",
      "Parts into which machines are divided; fixed when the database is initialised."),
    Setting(
      "cores", .integer(1...64), default: "", flag: "--cores",
      "Engines, each on an event loop of its own with its own part of the shards; by default one "
        + "for each four processors, at least 1 and at most 16."),
    Setting(
      "slots", .integer(1...64), default: "2",
      "Connections of each engine that commit to the database side by side."),
    Setting(
      "threads", .integer(1...256), default: "",
      "Event loops, those of the engines included; by default one for each processor."),
    Setting(
      "start_timeout", .duration(0...3_600_000_000), default: "30s",
      "How long to wait at the start for the database, or for a node that changes its schema, "
        + "before giving up."),
    Setting(
      "drain_timeout", .duration(0...3_600_000_000), default: "10s",
      "How long running requests may take to end after SIGTERM."),
    Setting(
      "limits.requests", .integer(1...10_000_000), default: "100000",
      "Requests at once; more are refused with RESOURCE_EXHAUSTED."),
    Setting(
      "limits.message_size", .size(65_536...67_108_864), default: "16MiB",
      "The largest message that is taken or sent."),
    Setting(
      "limits.resident_size", .size(1_048_576...1_099_511_627_776), default: "256MiB",
      "About how much memory idle machines may take before they are dropped from it."),
    Setting(
      "limits.history_size", .size(1_048_576...1_099_511_627_776), default: "256MiB",
      "Memory for the histories and answers of running steps; more steps wait with nothing read."),
    Setting(
      "limits.import_size", .size(1_048_576...268_435_456), default: "128MiB",
      "Memory for the machines that are just being imported, and so for the largest that can be."),
    Setting(
      "limits.waits", .integer(1...1_000_000), default: "10000",
      "Calls at once that wait for machines to change, or watch them; more are refused."),
    Setting(
      "limits.connections", .integer(1...1_000_000),
      "Client connections at once; more are closed. By default what the limit on open files allows."
    ),
    Setting(
      "limits.connections_per_client", .integer(1...1_000_000), default: "1000",
      "Connections at once from one IP address; more are closed. Unix sockets are not counted."),
    Setting(
      "limits.streams", .integer(1...1_000_000), default: "1000",
      "Calls at once on one connection; clients are told so and wait."),
    Setting(
      "limits.pending_size", .size(1_048_576...1_099_511_627_776), default: "512MiB",
      "Bytes of requests, header fields included, that have begun to arrive and are not answered; "
        + "more are refused. At least message_size and 256 KiB."),
    Setting(
      "limits.connection_pending_size", .size(65_536...1_099_511_627_776), default: "32MiB",
      "Bytes of requests that have arrived in part on one connection; more are refused. At least "
        + "message_size and 256 KiB."),
    Setting(
      "limits.unread_size", .size(1_048_576...1_099_511_627_776), default: "512MiB",
      "Bytes of answers that wait for clients to read them; calls that have not begun are refused "
        + "beyond it. At least four times message_size."),
    Setting(
      "limits.connection_unread_size", .size(65_536...1_099_511_627_776), default: "64MiB",
      "Bytes of answers that wait to be read on one connection; calls wait, and answers beyond it "
        + "are dropped. At least twice message_size."),
  ]

  /// The setting of that key.
  public static func named(_ key: String) -> Setting? { all.first { $0.key == key } }
}
