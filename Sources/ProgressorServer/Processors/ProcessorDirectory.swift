import GRPC
import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto

/// The processors of one engine: a channel per endpoint, shared by the namespaces that have it,
/// following their changes. Confined to the engine's loop, on which the channels live too: invoking
/// is no hop.
final class ProcessorDirectory: ProcessorPort {
  /// Hands what comes back to the engine.
  private let submit: @Sendable (Input) -> Void
  private let eventLoop: any EventLoop
  private let part: ShardPart
  private let maximumMessageBytes: Int
  private let tlsDirectory: TLSDirectory?
  private let outages: ProcessorOutages
  private let metrics: AttemptMetrics?
  private let tracer: Tracer?
  private let logger: Logger

  /// What decides about a channel; a change of it makes a new one.
  private struct Key: Hashable {
    let endpoint: ExactText
    let connections: Int32
    let tls: TLSKey?
  }

  private struct TLSKey: Hashable {
    let texts: [ExactText]

    init(_ tls: ProcessorTLS) {
      texts = (tls.files.map(\.path) + [tls.serverName]).map { ExactText($0) }
    }

    /// In the order of the texts.
    var options: ProcessorTLS {
      ProcessorTLS(
        caFile: texts[0].text, certificateFile: texts[1].text, keyFile: texts[2].text,
        serverName: texts[3].text)
    }
  }

  private struct Entry {
    let channel: GRPCChannel
    /// As metrics call it.
    let target: String
    var namespaces: Set<NamespaceNumber>
  }

  private typealias Completion = @Sendable (UnaryResult) -> Void

  private struct Attempt: Hashable {
    let step: StepID
    let number: Int32
  }

  /// Calls for clients, which wait for their endpoint or are under way.
  private let calls: NIOLoopBoundBox<[Attempt: UnaryCall]>
  private let omissions: NIOLoopBoundBox<OmittedContext>
  private var keys: [NamespaceNumber: Key] = [:]
  private var entries: [Key: Entry] = [:]

  /// - Parameters:
  ///   - part: Of the engine: it has its part of an endpoint's connections.
  ///   - tlsDirectory: Outside of which no file is read for TLS.
  ///   - outages: The node's.
  ///   - metrics: The node's; nil = nobody looks.
  ///   - tracer: The node's; nil = nobody follows traces.
  init(
    eventLoop: any EventLoop, part: ShardPart = .all, maximumMessageBytes: Int,
    tlsDirectory: TLSDirectory? = nil, outages: ProcessorOutages, metrics: AttemptMetrics? = nil,
    tracer: Tracer? = nil, logger: Logger, submit: @escaping @Sendable (Input) -> Void
  ) {
    self.eventLoop = eventLoop
    self.part = part
    self.maximumMessageBytes = maximumMessageBytes
    self.tlsDirectory = tlsDirectory
    self.outages = outages
    self.metrics = metrics
    self.tracer = tracer
    self.logger = logger
    self.submit = submit
    calls = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: eventLoop)
    omissions = NIOLoopBoundBox.makeBoxSendingValue(
      OmittedContext(logger: logger), eventLoop: eventLoop)
  }

  func invoke(_ asked: Invocation, now: Moment) {
    let (step, attempt, submit) = (asked.step, asked.attempt, submit)
    guard let entry = entry(asked.namespace) else {
      submit(
        .processorAnswered(
          step, attempt: attempt, .unreachable(message: "the namespace has no endpoint")))
      return
    }
    let span = tracer.map { ProcessorSpan(asked, to: entry.channel.target, $0) }
    let invocation = span?.invocation ?? asked
    guard let call = ProcessorCall(invocation, limit: maximumMessageBytes) else {
      submit(.processorAnswered(step, attempt: attempt, .machineTooLarge))
      return
    }
    let method = ProcessorCall.Method(invocation.stimulus)
    let key = Attempt(step: step, number: attempt)
    let answered: Completion = { [calls] result in
      calls.value[key] = nil
      span?.ended(result.status.code)
      let outcome = OutcomeMapping.outcome(
        of: result, method: method.rawValue,
        decode: { message throws(ProtobufError) in try method.decode(message) })
      submit(.processorAnswered(step, attempt: attempt, outcome))
    }
    let sending = Sending(
      channel: entry.channel, call: call,
      attempts: metrics?.method(call.path, target: entry.target),
      deadline: now.deadline(atUptime: invocation.deadline, reference: .now()),
      timeout: .microseconds(invocation.timeout), waitsForEndpoint: invocation.waitsForEndpoint)
    if invocation.waitsForEndpoint {
      start(sending, of: asked.namespace, as: key, answered)
    } else {
      let machine = invocation.machine.machineID
      _ = sending.start(call.metadata) { [omissions] result in
        guard result.localReason == .unsendable, call.hasContext else { return answered(result) }
        // Nobody is there any more who could send less, and a machine must not fail for it.
        omissions.value.tell(of: machine, result.status.message)
        _ = sending.start(call.ownMetadata, answered)
      }
    }
  }

  /// Sends for a client. What still waits when its namespace gets another endpoint, or another way
  /// to it, waits for that one from then on.
  private func start(
    _ sending: Sending, of namespace: NamespaceNumber, as key: Attempt,
    _ answered: @escaping Completion
  ) {
    let directory = NIOLoopBound(self, eventLoop: eventLoop)
    calls.value[key] = sending.start(sending.call.metadata) { result in
      let directory = directory.value
      guard result.localReason == .channelClosed, !result.seen,
        let entry = directory.entry(namespace), entry.channel !== sending.channel
      else { return answered(result) }
      var moved = sending
      moved.channel = entry.channel
      moved.attempts = directory.metrics?.method(sending.call.path, target: entry.target)
      directory.start(moved, of: namespace, as: key, answered)
    }
  }

  /// How an invocation is sent.
  private struct Sending: Sendable {
    var channel: GRPCChannel
    let call: ProcessorCall
    var attempts: AttemptMetrics.Method?
    let deadline: NIODeadline
    let timeout: TimeAmount
    let waitsForEndpoint: Bool

    func start(_ metadata: Metadata, _ completion: @escaping Completion) -> UnaryCall {
      guard let attempts else { return unary(metadata, completion) }
      attempts.started()
      let began = NIODeadline.now()
      return unary(metadata) { result in
        attempts.ended(result.status.code, after: (NIODeadline.now() - began).nanoseconds)
        completion(result)
      }
    }

    private func unary(_ metadata: Metadata, _ completion: @escaping Completion) -> UnaryCall {
      channel.unary(
        path: call.path, metadata: metadata, message: call.message, deadline: deadline,
        timeout: timeout, waitForReady: waitsForEndpoint, completion: completion)
    }
  }

  func callOff(_ step: StepID, attempt: Int32) {
    calls.value[Attempt(step: step, number: attempt)]?.cancelUnlessSent()
  }

  func awaitEndpoint(_ namespace: NamespaceNumber) {
    guard let entry = entry(namespace) else { return }
    let submit = submit
    entry.channel.whenReady { submit(.endpointReady(namespace)) }
  }

  func namespacesChanged(_ records: [NamespaceRecord]) {
    let old = entries
    keys = [:]
    entries = [:]
    // One without an endpoint is damaged in the database, and paused.
    for record in records where !record.namespace.processor.endpoint.isEmpty {
      let key = Key(
        endpoint: ExactText(record.namespace.processor.endpoint),
        connections: record.namespace.processor.connections,
        tls: record.namespace.processor.tls.map { TLSKey($0) })
      guard let channel = entries[key]?.channel ?? old[key]?.channel ?? connect(key) else {
        continue
      }
      keys[record.number] = key
      let entry = Entry(channel: channel, target: key.endpoint.text, namespaces: [])
      entries[key, default: entry].namespaces.insert(record.number)
    }
    for (key, entry) in old where entries[key] == nil { entry.channel.close() }
    announceMoved(old)
  }

  /// Closes every channel: what is under way ends as lost.
  func close() {
    let channels = entries.values.map(\.channel)
    entries = [:]
    keys = [:]
    for channel in channels { channel.close() }
  }

  /// Work that waited for an endpoint that the namespace has no more would wait for ever: it is
  /// told to try the new one.
  private func announceMoved(_ old: [Key: Entry]) {
    for (number, key) in keys where old[key]?.namespaces.contains(number) != true {
      submit(.endpointReady(number))
    }
  }

  private func entry(_ namespace: NamespaceNumber) -> Entry? {
    keys[namespace].flatMap { entries[$0] }
  }

  /// Of a node's connections to an endpoint, those of one engine: its part of them, and one at
  /// least.
  ///
  /// - Parameter configured: 0 = the default.
  static func connections(_ configured: Int32, of part: ShardPart) -> Int {
    let all = configured > 0 ? configured : ProcessorOptions.defaultConnections
    return Int((all - 1) / part.cores) + 1
  }

  private func connect(_ key: Key) -> GRPCChannel? {
    do {
      let target = try ChannelTarget(key.endpoint.text)
      var configuration = ChannelConfiguration()
      configuration.connections = Self.connections(key.connections, of: part)
      configuration.maximumResponseMessageSize = maximumMessageBytes
      configuration.maximumQueuedCalls = 100_000
      configuration.connectTimeout = .seconds(5)
      // Work waits for a processor that is away, and is to go on soon after it is back.
      configuration.backoff = BackoffPolicy(
        initial: .milliseconds(75), multiplier: 1.6, maximum: .seconds(2), jitter: 0.3)
      configuration.probeInterval = .seconds(1)
      configuration.userAgent = "progressor/" + Version.current
      configuration.outages = outages.observer(of: "\(target)")
      configuration.security = key.tls.map {
        ProcessorSecurity($0.options, directory: tlsDirectory)
      }
      return GRPCChannel(
        target: target, configuration: configuration, eventLoop: eventLoop, logger: logger)
    } catch {
      logger.error("a namespace has no usable endpoint", metadata: ["error": "\(error)"])
      return nil
    }
  }
}
