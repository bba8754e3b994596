import GRPC
import Logging
import NIOCore
import NIOPosix
import ProgressorEngine
import ProgressorProto
import Synchronization

/// Sends spans to a collector, on a thread of its own: nobody who makes one waits for anything but
/// a lock.
final class SpanExporter: Sendable {
  /// What became of spans.
  struct Statistics: Sendable {
    var exported: UInt64
    var waiting: Int
    /// By the raw values of `SpanQueue.Loss`.
    var lost: [UInt64]
  }

  /// How long the collector may take for a batch.
  private static let timeout = TimeAmount.seconds(10)
  /// The library that makes our spans.
  private static let scope = "progressor"

  private let configuration: TracingConfiguration
  private let logger: Logger
  private let group: MultiThreadedEventLoopGroup
  private let eventLoop: any EventLoop
  private let channel: GRPCChannel
  private let queue: Mutex<SpanQueue>
  /// For the next look at the queue; nil before the first and after the last.
  private let alarm: NIOLoopBoundBox<Alarm?>

  init(
    _ configuration: TracingConfiguration, limits: SpanQueue.Limits = SpanQueue.Limits(),
    logger: Logger
  ) {
    self.configuration = configuration
    self.logger = logger
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    eventLoop = group.next()
    queue = Mutex(SpanQueue(limits))
    alarm = NIOLoopBoundBox.makeBoxSendingValue(nil, eventLoop: eventLoop)
    var options = ChannelConfiguration()
    options.connectTimeout = .seconds(5)
    // Spans are kept for a minute: a collector that is back is found well within that.
    options.backoff = BackoffPolicy(
      initial: .seconds(1), multiplier: 1.6, maximum: .seconds(5), jitter: 0.3)
    options.userAgent = "progressor/" + Version.current
    options.requestEncoding = configuration.compresses ? .gzip : .identity
    options.security = configuration.security
    // The log hears of them from here.
    options.outages = { _ in }
    channel = GRPCChannel(
      target: configuration.target, configuration: options, eventLoop: eventLoop, logger: logger)
    eventLoop.execute {
      self.alarm.value = Alarm(on: self.eventLoop) { [weak self] in self?.look() }
    }
  }

  /// Takes a span; one for which there is no room is dropped. From any thread.
  func add(_ span: TraceSpan) {
    let mustLook = queue.withLock { $0.add(span, now: NodeClock.uptime()) }
    if mustLook { eventLoop.execute { self.look() } }
  }

  /// What became of spans so far. From any thread.
  var statistics: Statistics {
    queue.withLock { Statistics(exported: $0.exported, waiting: $0.count, lost: $0.lost) }
  }

  /// Sends what is left, if the collector takes it by then, and ends. Nothing is added any more.
  func stop(within grace: Duration) async {
    let end = ContinuousClock.now + grace
    queue.withLock { $0.close() }
    eventLoop.execute { self.look() }
    while queue.withLock({ $0.count > 0 && !$0.isTroubled }), ContinuousClock.now < end {
      do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
    }
    queue.withLock { $0.abandon() }
    try? await channel.closeNow().get()
    try? await eventLoop.submit { self.alarm.value = nil }.get()
    try? await group.shutdownGracefully()
  }

  /// Does what the queue says. On the loop.
  private func look() {
    let now = NodeClock.uptime()
    var nextLook: NIODeadline?
    switch queue.withLock({ $0.next(now: now) }) {
    case .nothing: break
    case .send(let spans): send(spans)
    case .wait(let until): nextLook = .now() + .microseconds(until - now)
    }
    alarm.value?.set(at: nextLook)
  }

  private func send(_ spans: [TraceSpan]) {
    let request = ExportSpansRequest(
      resource: configuration.resource, scope: Self.scope, scopeVersion: Version.current,
      spans: spans)
    channel.unary(
      path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      metadata: configuration.metadata, message: request.buffer() ?? ByteBuffer(),
      deadline: .now() + Self.timeout
    ) { result in
      self.ended(result)
    }
  }

  private func ended(_ result: UnaryResult) {
    let outcome = SpanQueue.Outcome(result)
    let news = queue.withLock {
      $0.ended(outcome, now: NodeClock.uptime(), random: .random(in: 0..<1))
    }
    switch news {
    case .began(let reason):
      logger.warning(
        "spans cannot be exported",
        metadata: ["endpoint": "\(configuration.target)", "reason": "\(reason)"])
    case .ended(let time, let lost):
      logger.notice(
        "spans are exported again",
        metadata: [
          "endpoint": "\(configuration.target)", "away_seconds": "\(Double(time / 1_000) / 1_000)",
          "dropped": "\(lost)",
        ])
    case .rejected(let spans, let reason):
      logger.warning(
        "the collector rejects spans",
        metadata: [
          "endpoint": "\(configuration.target)", "reason": "\(reason)", "of_a_batch": "\(spans)",
        ])
    case nil: break
    }
    look()
  }
}

extension SpanQueue.Outcome {
  /// The longest text of a collector that the log repeats, in bytes of UTF-8.
  private static let maximumBytes = 512

  /// What an answer of the collector, or none, means (OTLP, "OTLP/gRPC Response").
  init(_ result: UnaryResult) {
    if result.status.isOK {
      let response = result.message.flatMap { try? ExportSpansResponse(decoding: $0) }
      self = .taken(
        rejected: Int(clamping: response?.rejected ?? 0),
        message: (response?.message ?? "").fitToKeep(utf8Bytes: Self.maximumBytes))
      return
    }
    let code = result.status.code
    let text = "\(code.name): \(result.status.message)".fitToKeep(utf8Bytes: Self.maximumBytes)
    switch code {
    case .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss:
      self = .failed(text)
    case .resourceExhausted:
      // It is worth another attempt only if the collector says when.
      let details = result.status.details.flatMap { try? RichStatus(decoding: $0) }?.details
      let saysWhen = details?.contains { $0.typeURL.hasSuffix("/google.rpc.RetryInfo") } == true
      self = saysWhen ? .failed(text) : .refused(text)
    // What some proxy says in HTTP, or who has hung up in the middle.
    case .unknown where result.origin == .local: self = .failed(text)
    default: self = .refused(text)
    }
  }
}
