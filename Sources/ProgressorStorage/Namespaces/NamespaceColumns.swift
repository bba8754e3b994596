import MachineModel
import PostgreSQL
import ProgressorEngine

extension Parameters {
  /// The columns of a namespace in the order of the table, without number and version.
  mutating func append(_ namespace: Namespace) {
    let (processor, policy, limits) = (
      namespace.processor, namespace.retryPolicy, namespace.limits
    )
    append(namespace.name)
    append(StoredEndpoint.text(processor))
    append(processor.timeout)
    append(processor.maxInFlight)
    append(processor.connections)
    append(policy.initialInterval)
    append(policy.multiplier)
    append(policy.maxInterval)
    append(policy.maxAttempts)
    append(policy.jitter)
    appendArray(policy.nonRetryable)
    append(limits.mailbox)
    append(limits.stepsInFlight)
    append(limits.notifications)
    append(limits.messages)
    append(namespace.defaultHistoryRange?.after)
    append(namespace.defaultHistoryRange?.limit)
    append(namespace.defaultHistoryRange?.direction.rawValue)
    append(namespace.idempotencyRetention)
    append(namespace.trace.level?.rawValue)
    append(namespace.trace.retention)
    append(namespace.feed.isEnabled)
    append(namespace.feed.hasBodies)
    append(namespace.feed.retention)
    append(namespace.feed.maxBytes)
  }
}

extension RowReader {
  /// All columns of a namespace in the order of the table. Throws also for what no namespace may
  /// be.
  mutating func nextNamespace() throws(PostgreSQLError) -> NamespaceRecord {
    let number: Int32 = try next()
    let name: String = try next()
    let version: Int64 = try next()
    let stored: String = try next()
    guard let (endpoint, tls) = StoredEndpoint.read(stored) else {
      throw .unreadable("the endpoint is of a later version")
    }
    let processor = ProcessorOptions(
      endpoint: endpoint, timeout: try nextOptional(), maxInFlight: try next(),
      connections: try next(), tls: tls)
    let policy = RetryPolicy(
      initialInterval: try nextOptional(), multiplier: try nextOptional(),
      maxInterval: try nextOptional(), maxAttempts: try nextOptional(),
      jitter: try nextOptional(), nonRetryable: try nextArray(of: String.self))
    let limits = Limits(
      mailbox: try nextOptional(), stepsInFlight: try nextOptional(),
      notifications: try nextOptional(), messages: try nextOptional())
    var namespace = Namespace(
      name: name, processor: processor, retryPolicy: policy, limits: limits,
      defaultHistoryRange: try nextRange(), idempotencyRetention: try nextOptional(),
      trace: try nextTraceOptions(), feed: try nextFeedOptions(), version: version)
    namespace.pause = try nextPause()
    do throws(ProgressorError) { try namespace.validate(path: "") } catch {
      throw .unreadable(error.message)
    }
    return NamespaceRecord(number: NamespaceNumber(number), namespace: namespace)
  }

  private mutating func nextTraceOptions() throws(PostgreSQLError) -> TraceOptions {
    let number: Int32? = try nextOptional()
    let level = number.flatMap(TraceLevel.init(rawValue:))
    if let number, level == nil { throw .unreadable("a trace level \(number)") }
    return TraceOptions(level: level, retention: try nextOptional())
  }

  private mutating func nextFeedOptions() throws(PostgreSQLError) -> FeedOptions {
    FeedOptions(
      isEnabled: try next(), hasBodies: try next(), retention: try nextOptional(),
      maxBytes: try next())
  }
}
