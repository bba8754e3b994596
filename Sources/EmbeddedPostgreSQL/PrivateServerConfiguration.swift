/// Where the private cluster lives and how it runs.
public struct PrivateServerConfiguration: Sendable {
  /// The server's data directory; made if it does not exist. In it: `postgres` (the cluster),
  /// `postgres.log`, `lock`, and `socket` unless the path is too long for one.
  public var dataDirectory: String

  /// Where `postgres` and `initdb` are; nil looks in /usr/lib/postgresql and PATH for the newest.
  public var programDirectory: String?

  /// More settings of PostgreSQL, by name; they win over the ones that this module sets.
  public var settings: [String: String] = [:]

  /// How long `start` waits for the first connection to be possible. Recovery after a crash takes
  /// as long as the write-ahead log since the last checkpoint needs.
  public var startTimeout: Duration = .seconds(120)

  /// How long a fast shutdown may take before it is made an immediate one, after which the next
  /// start recovers; that of an orphan too.
  public var stopTimeout: Duration = .seconds(30)

  /// Whether a new cluster is synchronized to disk once before it is used. Off only where nobody
  /// misses it after a power failure.
  public var initializesDurably = true

  /// How many sessions the server that it is for has at the same time.
  public var sessions = 0
  /// Beside those: for people, and for sessions that are ending.
  private static let spareSessions = 32
  /// Whether `stop` leaves out the last checkpoint: for data that nobody will read again.
  var stopsImmediately = false

  public init(dataDirectory: String) {
    self.dataDirectory = dataDirectory
  }

  var clusterPath: String { dataDirectory + "/postgres" }
  var lockPath: String { dataDirectory + "/lock" }
  var logPath: String { dataDirectory + "/postgres.log" }

  /// The arguments of `postgres`. Connections come by the Unix socket alone; durability keeps its
  /// defaults. The log shows neither statements nor their values, which are the users' data.
  func arguments(socketDirectory: String) -> [String] {
    let ours = [
      "listen_addresses": "", "unix_socket_directories": socketDirectory,
      "unix_socket_permissions": "0700", "port": "\(SocketDirectory.port)",
      "max_connections": "\(max(64, sessions + Self.spareSessions))", "jit": "off",
      "cluster_name": "progressor",
      "log_destination": "stderr", "logging_collector": "off", "log_checkpoints": "off",
      "log_min_error_statement": "panic", "log_parameter_max_length_on_error": "0",
    ]
    let all = ours.merging(settings) { _, given in given }
    return ["-D", clusterPath]
      + all.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
  }
}
