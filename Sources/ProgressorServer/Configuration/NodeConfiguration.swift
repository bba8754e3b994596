public import GRPC
import Glibc
public import MachineModel
import NIOCore
public import ProgressorSinks

/// Everything that `progressor serve` is told, checked.
public struct NodeConfiguration: Sendable, Hashable {
  /// Where machines are stored.
  public enum Database: Sendable, Hashable {
    /// A PostgreSQL server: a connection string or URL.
    case external(url: String)
    /// A private cluster in this directory.
    case embedded(directory: String)
  }

  /// What the configuration asks of a namespace.
  public enum NamespaceDirective: Sendable, Hashable {
    /// Of the file: create it so, or change it to be so. Its endpoint may be of `--namespace`.
    case define(Namespace)
    /// Of `--namespace`, and not in the file: create it with this endpoint, or change its endpoint
    /// and nothing else.
    case point(name: String, endpoint: String)

    /// The namespace's name.
    public var name: String {
      switch self {
      case .define(let namespace): namespace.name
      case .point(let name, _): name
      }
    }

    /// Whether the file has it.
    var isOfFile: Bool {
      if case .define = self { true } else { false }
    }
  }

  /// Where to serve; at least one.
  public var listeners: [ListenerSetting]
  /// Whether it is meant that everybody may do everything who can reach an address.
  public var isInsecureMeant: Bool
  /// The folder of the files that namespaces may name for TLS; nil = they name none.
  public var processorTLSDirectory: TLSDirectory?
  /// Where machines are stored.
  public var database: Database
  /// Whether a start makes and migrates the schema of a PostgreSQL server; that of a private
  /// cluster it always does.
  public var migratesAtStart: Bool
  /// The file of the tokens' digests; nil = no tokens are taken.
  public var tokensFile: String?
  /// Whose JSON Web Tokens are taken; nil = none.
  public var jwt: JWTConfiguration?
  /// Who may do what; nil = nobody says. With neither this nor tokens everybody may do everything.
  public var authorization: AuthorizationSetting?
  /// What is logged.
  public var log: LogConfiguration
  /// In the order in which they are carried out; one for each name.
  public var namespaces: [NamespaceDirective]
  /// Where the server itself delivers the feed, in the order of the file.
  public var sinks: [SinkSetting]
  /// What people call the node.
  public var nodeName: String
  /// Microseconds.
  public var lease: Int64
  /// Of a database that is made now; one that exists keeps its own number.
  public var shards: Int32
  /// Engines; nil = as many as suit the machine.
  public var cores: Int?
  /// Connections of an engine that commit side by side.
  public var slots: Int
  /// Event loops; nil = one for each processor.
  public var threads: Int?
  /// Microseconds to wait for the database at the start.
  public var startTimeout: Int64
  /// Microseconds that running requests may take after SIGTERM.
  public var drainTimeout: Int64
  /// Requests at once.
  public var maximumRequests: Int
  /// The largest message taken or sent.
  public var maximumMessageBytes: Int
  /// Memory for idle machines, about.
  public var residentBytes: Int
  /// Memory for the histories and answers of running steps.
  public var historyBytes: Int
  /// Memory for the machines that are just being imported.
  public var importBytes: Int
  /// Calls at once that wait for machines to change, or watch them.
  public var maximumWaits: Int
  /// nil = what the limit on open files allows.
  public var maximumConnections: Int?
  /// Connections at once from one IP address.
  public var maximumConnectionsPerClient: Int
  /// Calls at once on one connection.
  public var maximumStreams: Int
  /// Bytes of requests at once, from their first byte to their answer.
  public var maximumPendingBytes: Int
  /// Bytes of requests that have arrived in part on one connection.
  public var maximumConnectionPendingBytes: Int
  /// Bytes of answers that wait to be read.
  public var maximumUnreadBytes: Int
  /// Bytes of answers that wait to be read on one connection.
  public var maximumConnectionUnreadBytes: Int
  /// Where metrics are served; nil = nowhere.
  public var metricsListen: ServerAddress?

  /// Where spans are sent; nil = nobody makes any.
  var tracing: TracingConfiguration?
  /// What cannot be meant for this program, a line each.
  public internal(set) var warnings: [String] = []

  /// Every setting as it was given, or by default; for comparisons.
  private let texts: [String: [String]]

  /// Reads the configuration.
  ///
  /// - Parameters:
  ///   - flags: Values from the command line, by the keys of ``Setting/all`` and `namespaces`.
  ///   - environment: The process's variables; see ``Setting/environmentVariable``, and
  ///     `PROGRESSOR_NAMESPACES` for a list of NAME=ENDPOINT.
  ///   - file: The text and path of the configuration file, nil = none.
  public init(
    flags: [String: [String]] = [:], environment: [String: String] = [:],
    file: (text: String, path: String)? = nil
  ) throws(ConfigurationError) {
    let document = try file.map { file throws(ConfigurationError) in
      try ConfigurationFile(text: file.text, path: file.path)
    }
    let reader = SettingReader(
      flags: flags, environment: environment, file: document?.values ?? [:])
    listeners = try NodeConfiguration.listeners(reader, document?.listeners)
    isInsecureMeant = try NodeConfiguration.isOn("insecure", reader)
    processorTLSDirectory = try NodeConfiguration.processorTLSDirectory(reader)
    if let url = reader.text("database.url") {
      database = .external(url: url)
    } else {
      database = .embedded(
        directory: reader.text("data_dir")
          ?? NodeConfiguration.defaultDataDirectory(environment, isRoot: geteuid() == 0))
    }
    migratesAtStart = try reader.choice("migrate") == "on-start"
    tokensFile = reader.text("authentication.tokens")
    jwt = try JWTConfiguration(reader)
    // A file that the command line or the environment names goes before rules in the document.
    authorization =
      reader.text("authorization.file").map { .file(path: $0) }
      ?? document?.rules.map { .rules($0) }
    log = LogConfiguration(
      level: .init(rawValue: try reader.choice("log.level")) ?? .info,
      format: .init(rawValue: try reader.choice("log.format")) ?? .human)
    nodeName = try NodeConfiguration.nodeName(reader)
    lease = Int64(try reader.number("lease") ?? 0)
    shards = Int32(try reader.number("shards") ?? 0)
    cores = try reader.number("cores")
    slots = try reader.number("slots") ?? 0
    threads = try reader.number("threads")
    startTimeout = Int64(try reader.number("start_timeout") ?? 0)
    drainTimeout = Int64(try reader.number("drain_timeout") ?? 0)
    maximumRequests = try reader.number("limits.requests") ?? 0
    maximumMessageBytes = try reader.number("limits.message_size") ?? 0
    residentBytes = try reader.number("limits.resident_size") ?? 0
    historyBytes = try reader.number("limits.history_size") ?? 0
    importBytes = try reader.number("limits.import_size") ?? 0
    maximumWaits = try reader.number("limits.waits") ?? 0
    maximumConnections = try reader.number("limits.connections")
    maximumConnectionsPerClient = try reader.number("limits.connections_per_client") ?? 0
    maximumStreams = try reader.number("limits.streams") ?? 0
    maximumPendingBytes = try reader.number("limits.pending_size") ?? 0
    maximumConnectionPendingBytes = try reader.number("limits.connection_pending_size") ?? 0
    maximumUnreadBytes = try reader.number("limits.unread_size") ?? 0
    maximumConnectionUnreadBytes = try reader.number("limits.connection_unread_size") ?? 0
    metricsListen = try NodeConfiguration.metricsListen(reader)
    do throws(ConfigurationError) {
      tracing = try TracingConfiguration(reader, environment, nodeName: nodeName)
    } catch {
      // What is meant for all programs of a machine may be meant for others than this one.
      guard error.place.hasPrefix("OTEL_"), reader.text("otlp.endpoint") == nil else { throw error }
      warnings.append("\(error); no traces are sent")
    }
    namespaces = try NodeConfiguration.namespaces(document?.namespaces ?? [], reader)
    sinks = document?.sinks ?? []
    let given = Setting.all.map { setting in
      let texts =
        setting.kind == .list ? reader.list(setting.key) : reader.text(setting.key).map { [$0] }
      return (setting.key, texts ?? [setting.defaultText])
    }
    texts = Dictionary(given) { first, _ in first }
    try checkProcessorTLS(file: file?.path)
  }

  /// The keys of the settings that the other configuration has otherwise, as ``Setting/all`` has
  /// them, and `sinks`; `namespaces` is not among them.
  public func settingsChanged(in other: NodeConfiguration) -> [String] {
    let keys = Setting.all.map(\.key).filter { texts[$0] != other.texts[$0] }
    return keys + (sinks == other.sinks ? [] : ["sinks"])
  }

  /// Where others find the node: the first address that is neither a socket in the file system nor
  /// a port that only the system knows; empty = there is none.
  var addressForOthers: String {
    for address in listen {
      if case .tcp(_, let port) = address, port != 0 { return "\(address)" }
    }
    return ""
  }

  private static func nodeName(_ reader: SettingReader) throws(ConfigurationError) -> String {
    guard let name = reader.text("node_name") else { return hostName }
    do throws(ProgressorError) { try MachineID.validate(name, field: "node_name") } catch {
      throw reader.problem("node_name", "\"\(name)\" \(error.message)")
    }
    return name
  }

  /// The name of this machine (gethostname(2)).
  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "progressor" }
    let text = String(
      decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.isEmpty ? "progressor" : text
  }

  private static func metricsListen(
    _ reader: SettingReader
  ) throws(ConfigurationError) -> ServerAddress? {
    guard let text = reader.text("metrics_listen") else { return nil }
    do {
      let address = try ServerAddress(parsing: text)
      if case .tcp = address { return address }
    } catch {
      throw reader.problem("metrics_listen", error.description)
    }
    throw reader.problem("metrics_listen", "\"\(text)\": metrics are served on HOST:PORT only")
  }

  private static func namespaces(
    _ defined: [Namespace], _ reader: SettingReader
  ) throws(ConfigurationError) -> [NamespaceDirective] {
    var defined = defined
    var directives: [NamespaceDirective] = []
    for text in reader.list("namespaces") ?? [] {
      // The first "=" divides: an endpoint may have one, a name given here may not.
      guard let equals = text.firstIndex(of: "=") else {
        throw reader.problem("namespaces", "\"\(text)\": write NAME=HOST:PORT")
      }
      let name = String(text[..<equals])
      let endpoint = String(text[text.index(after: equals)...])
      do {
        try Namespace(name: name, processor: ProcessorOptions(endpoint: endpoint))
          .validateForServing(path: "")
      } catch {
        throw reader.problem("namespaces", "\"\(text)\": \(error.message)")
      }
      // The endpoint of the file is not set first: it is no one that anybody wants.
      if let index = defined.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
        defined[index].processor.endpoint = endpoint
      } else {
        directives.append(.point(name: name, endpoint: endpoint))
      }
    }
    return defined.map { .define($0) } + directives
  }

  /// How many engines there will be.
  public var coresInUse: Int { cores ?? NodeConfiguration.defaultCores(of: System.coreCount) }

  /// How many engines suit a machine with so many processors: docs/performance.md says why. More
  /// than 16 nobody has tried, and each takes sessions.
  static func defaultCores(of processors: Int) -> Int { min(max(1, processors / 4), 16) }

  /// Where the private cluster lives when nobody says: a place that outlives restarts. Root has a
  /// directory that the `postgres` user can pass through, which root's home is not.
  static func defaultDataDirectory(_ environment: [String: String], isRoot: Bool) -> String {
    if isRoot { return "/var/lib/progressor" }
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/progressor" }
    if let home = environment["HOME"], home.hasPrefix("/") {
      return home + "/.local/share/progressor"
    }
    return "progressor-data"
  }
}
