import CProgressorProto
import MachineModel

extension Namespace: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Namespace>?) -> Void {
    progressor__v1__namespace__init
  }

  init(_ message: Progressor__V1__Namespace) throws(ProtobufError) {
    self.init(
      name: try message.name.identifier("name"),
      processor: try ProcessorOptions.require(message.processor, "processor"),
      retryPolicy: try RetryPolicy.read(message.retry_policy, "retry_policy") ?? RetryPolicy(),
      limits: try Limits.read(message.limits, "limits") ?? Limits(),
      defaultHistoryRange: try HistoryRange.read(
        message.default_history_range, "default_history_range"),
      idempotencyRetention: try ProtobufDuration.read(
        message.idempotency_retention, "idempotency_retention", atLeast: 0),
      trace: try TraceOptions.read(message.trace, "trace") ?? TraceOptions(),
      feed: try FeedOptions.read(message.feed, "feed") ?? FeedOptions(),
      version: message.version, pause: try Pause.read(message.paused, "paused"))
    if let fault { throw .invalid(fault.field, fault.problem) }
  }

  func fill(_ message: inout Progressor__V1__Namespace, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
    message.processor = arena.make(processor)
    message.retry_policy = arena.make(retryPolicy)
    message.limits = arena.make(limits)
    message.default_history_range = arena.make(defaultHistoryRange)
    message.idempotency_retention = arena.make(microseconds: idempotencyRetention)
    message.trace = arena.make(trace)
    message.feed = arena.make(feed)
    message.version = version
    message.paused = arena.make(pause)
  }
}

extension ProcessorOptions: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessorOptions>?) -> Void {
    progressor__v1__processor_options__init
  }

  init(_ message: Progressor__V1__ProcessorOptions) throws(ProtobufError) {
    self.init(
      endpoint: try message.endpoint.text("endpoint"),
      timeout: try ProtobufDuration.read(message.timeout, "timeout", atLeast: 1),
      maxInFlight: message.max_in_flight, connections: message.connections,
      tls: try ProcessorTLS.read(message.tls, "tls"))
  }

  func fill(_ message: inout Progressor__V1__ProcessorOptions, in arena: inout ProtobufArena) {
    message.endpoint = arena.make(endpoint)
    message.timeout = arena.make(microseconds: timeout)
    message.max_in_flight = maxInFlight
    message.connections = connections
    message.tls = arena.make(tls)
  }
}

extension ProcessorTLS: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessorTls>?) -> Void {
    progressor__v1__processor_tls__init
  }

  init(_ message: Progressor__V1__ProcessorTls) throws(ProtobufError) {
    self.init(
      caFile: try message.ca_file.text("ca_file"),
      certificateFile: try message.certificate_file.text("certificate_file"),
      keyFile: try message.key_file.text("key_file"),
      serverName: try message.server_name.text("server_name"))
  }

  func fill(_ message: inout Progressor__V1__ProcessorTls, in arena: inout ProtobufArena) {
    message.ca_file = arena.make(caFile)
    message.certificate_file = arena.make(certificateFile)
    message.key_file = arena.make(keyFile)
    message.server_name = arena.make(serverName)
  }
}
