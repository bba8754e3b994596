/// Everything that makes a session: where it goes, its time limits, its session parameters.
public struct ConnectionSettings: Sendable {
  /// Where the server is and who logs in: libpq's connection string.
  public var target: ConnectionString

  /// Seen in `pg_stat_activity`; a takeover finds frozen sessions by it. At most 63 bytes.
  public var applicationName: String

  /// The time from the look-up of names to a session that is ready. Several addresses share it: a
  /// second each at first, and those that were silent what is left.
  public var connectTimeout: Duration = .seconds(5)

  /// How long sent data may stay unacknowledged before the kernel ends a TCP connection.
  public var tcpUserTimeout: Duration = .seconds(10)

  /// `statement_timeout` of the session; nil is none.
  public var statementTimeout: Duration?

  /// `lock_timeout` of the session; nil is none.
  public var lockTimeout: Duration?

  /// More session parameters, after the ones that this module sets itself.
  public var sessionParameters: [String: String] = [:]

  public init(target: ConnectionString, applicationName: String) {
    self.target = target
    self.applicationName = applicationName
  }

  /// The options for libpq of one attempt. What the connection string says about keepalives wins;
  /// the rest is ours, since commits depend on it.
  func libpqOptions(for attempt: [String: String]) -> [String: String] {
    let defaults = [
      "keepalives": "1", "keepalives_idle": "5", "keepalives_interval": "2",
      "keepalives_count": "3", "tcp_user_timeout": "\(tcpUserTimeout.wholeMilliseconds)",
    ]
    let demands = [
      "application_name": applicationName, "client_encoding": "UTF8",
      "target_session_attrs": "read-write",
    ]
    return attempt.merging(defaults) { given, _ in given }.merging(demands) { _, ours in ours }
  }

  /// The parameters that are set in each session, in order.
  ///
  /// A role or database may have switched `synchronous_commit` off, so it is set here. The plans of
  /// prepared statements are generic ones, and a new, empty database must not plan a batch as a
  /// sequential scan with a hash join which it then keeps.
  var parametersToSet: [(name: String, value: String)] {
    var parameters = [
      (name: "synchronous_commit", value: "on"),
      (name: "default_transaction_isolation", value: "read committed"),
      (name: "plan_cache_mode", value: "force_generic_plan"),
      (name: "enable_seqscan", value: "off"),
      (name: "enable_hashjoin", value: "off"),
      (name: "enable_mergejoin", value: "off"),
      (name: "statement_timeout", value: "\(statementTimeout?.wholeMilliseconds ?? 0)"),
      (name: "lock_timeout", value: "\(lockTimeout?.wholeMilliseconds ?? 0)"),
    ]
    parameters += sessionParameters.sorted { $0.key < $1.key }.map {
      (name: $0.key, value: $0.value)
    }
    return parameters
  }
}

extension Duration {
  /// Milliseconds, rounded up, so that a limit is never passed too early.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    guard !overflow else { return .max }
    let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    let (sum, sumOverflow) = product.addingReportingOverflow(fraction)
    return sumOverflow ? .max : sum
  }
}
