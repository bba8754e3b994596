import Kafka
public import MachineModel

/// Delivers entries to topics of a Kafka cluster, each as a record that all replicas in sync have
/// acknowledged.
///
/// A producer that has failed, in whichever way, is thrown away with all that it had not delivered,
/// and the next delivery waits until it has ended before it makes a new one: so nothing of an
/// earlier delivery goes out beside a later one. Only what a broker has been sent by then may still
/// be written, which is a repeat.
public actor KafkaTarget: SinkTarget {
  /// How long a record is tried, and so long records of one delivery begin.
  public static let deliveryTimeout: Duration = .seconds(30)
  /// Until when a producer has to have ended.
  private static let endingTimeout: Duration = .seconds(5)
  /// How old what librdkafka says of connections may be to be named as a cause: it says the same
  /// once in half a minute.
  private static let memory: Duration = .seconds(60)
  /// As much as librdkafka is handed at once.
  static let window = KafkaPlan.Window(entries: KafkaProducer.maximumRecords, bytes: 32 << 20)

  private struct Line {
    let producer: KafkaProducer
    let course: KafkaCourse
  }

  private let setting: KafkaSetting
  private let topic: KafkaTopic
  private let timeout: Duration
  private let log: @Sendable (String) -> Void
  private var line: Line?
  /// One that was thrown away, and may not have ended.
  private var abandoned: KafkaProducer?
  private var isClosed = false
  /// Whether the next delivery sends each record alone.
  private var isWary = false
  /// The first topic of this delivery that nothing was heard from, though brokers can be reached.
  private var silentTopic: String?

  /// Makes a target; it connects when there is something to be delivered.
  ///
  /// - Parameters:
  ///   - setting: Where to and how. What is wrong with it every delivery fails with.
  ///   - log: Takes lines of librdkafka, for people, on any thread: harmless, and without secrets.
  public init(_ setting: KafkaSetting, log: @escaping @Sendable (String) -> Void) {
    self.init(setting, timeout: Self.deliveryTimeout, log: log)
  }

  init(_ setting: KafkaSetting, timeout: Duration, log: @escaping @Sendable (String) -> Void) {
    self.setting = setting
    topic = KafkaTopic(setting.topic)
    self.timeout = timeout
    self.log = log
  }

  /// Delivers entries; those of different machines together, and of each machine one after the
  /// other. It lasts twice ``deliveryTimeout`` at most, and as long only when records are
  /// acknowledged all the while.
  public func deliver(_ entries: [FeedEntry]) async -> SinkReceipt {
    var plan = KafkaPlan(entries, window: Self.window, isWary: isWary)
    silentTopic = nil
    if plan.isOver { return plan.receipt }
    do throws(SinkFailure) {
      let line = try await readyLine()
      await deliver(entries, &plan, over: line)
    } catch {
      plan.stop(error.description)
    }
    var receipt = plan.receipt
    // A batch that is refused may be the end of the producer, before what was in it goes alone:
    // then it would be so again.
    isWary = receipt.failure != nil && (isWary || plan.hasSuspects)
    if receipt.failure != nil {
      if let reason = await reasonOfSilence(receipt) { receipt.failure = SinkFailure(reason) }
      abandon()
    }
    return receipt
  }

  /// More about why records were not acknowledged, where that is the failure; nil = there is none.
  private func reasonOfSilence(_ receipt: SinkReceipt) async -> String? {
    guard let silent = exchange(&silentTopic, with: nil), let line,
      receipt.failure?.description == KafkaText.silence(of: silent, limit: timeout)
    else { return nil }
    let state = await line.producer.state(of: silent)
    return KafkaText.silence(of: silent, limit: timeout, state: state)
  }

  /// Gives up what is under way, and waits for the producer's end, for some seconds at most.
  public func close() async {
    isClosed = true
    abandon()
    await endAbandoned()
  }

  // The producer

  /// The producer, or a new one when there is none that works.
  private func readyLine() async throws(SinkFailure) -> Line {
    if let fatal = line?.producer.fatalError {
      log(KafkaText.line("the producer failed: \(fatal)"))
      abandon()
    }
    if await !endAbandoned() { throw SinkFailure("the producer that failed has not ended yet") }
    if isClosed { throw SinkFailure("the sink is closed") }
    if Task.isCancelled { throw SinkFailure("the delivery was cancelled") }
    if let line { return line }
    let configuration: KafkaConfiguration
    do throws(InvalidSinkSetting) { configuration = try setting.configuration() } catch {
      throw SinkFailure(error.description)
    }
    let course = KafkaCourse(log: log)
    do throws(KafkaError) {
      let producer = try KafkaProducer(
        brokers: setting.brokers, configuration, deliveryTimeout: timeout
      ) { course.tell($0) }
      let line = Line(producer: producer, course: course)
      self.line = line
      return line
    } catch {
      throw SinkFailure("no producer: \(KafkaText.line("\(error)"))")
    }
  }

  /// Throws the producer away. Whoever delivers with it hears nothing more.
  private func abandon() {
    guard let line else { return }
    self.line = nil
    line.producer.close()
    line.course.end()
    abandoned = line.producer
  }

  /// Waits until no producer is left that was thrown away. False = it takes too long.
  @discardableResult
  private func endAbandoned() async -> Bool {
    guard let producer = abandoned else { return true }
    guard await producer.hasEnded(within: Self.endingTimeout) else { return false }
    if abandoned === producer { abandoned = nil }
    return true
  }

  // A delivery

  private func deliver(_ entries: [FeedEntry], _ plan: inout KafkaPlan, over line: Line) async {
    let began = ContinuousClock.now
    let (delivery, reports) = line.course.begin()
    defer { line.course.end() }
    send(entries, &plan, delivery, line, began)
    if plan.isOver { return }
    for await reports in reports {
      for (index, error) in reports {
        plan.end(index, result(of: error, entries[index], line, began))
      }
      if let fatal = line.producer.fatalError {
        return plan.giveUp("the producer failed: \(KafkaText.line("\(fatal)"))")
      }
      let elapsed = ContinuousClock.now - began
      if elapsed >= timeout, plan.hasMore { plan.stop(slow(plan)) }
      // Each record has been reported by then.
      if elapsed >= timeout * 2 + Self.endingTimeout { return plan.stop(slow(plan)) }
      send(entries, &plan, delivery, line, began)
      if plan.isOver { return }
    }
    plan.stop(isClosed ? "the sink was closed" : "the delivery was cancelled")
  }

  private func slow(_ plan: KafkaPlan) -> String {
    let count = plan.outcomes.count { $0 != .pending }
    return "\(count) of \(plan.outcomes.count) entries were acknowledged within \(timeout)"
  }

  /// Sends all that may begin.
  private func send(
    _ entries: [FeedEntry], _ plan: inout KafkaPlan, _ delivery: UInt32, _ line: Line,
    _ began: ContinuousClock.Instant
  ) {
    while let index = plan.begin() {
      let entry = entries[index]
      let name = topic.name(of: entry.machine.namespace)
      if let problem = KafkaTopic.problem(of: name) {
        plan.end(index, .unfit("the topic of the namespace \(problem)"))
        continue
      }
      let record = KafkaRecord(entry, topic: name, format: setting.format)
      do throws(KafkaError) {
        try line.producer.send(record, number: KafkaCourse.number(delivery, index))
      } catch  where error.code == .messageTooLarge {
        // Here nothing but the record itself was looked at.
        plan.end(index, .unfit(KafkaText.refusal(error, topic: name, bytes: record.bytes)))
      } catch {
        plan.end(index, result(of: error, entry, line, began))
      }
    }
  }

  private func result(
    of error: KafkaError?, _ entry: FeedEntry, _ line: Line, _ began: ContinuousClock.Instant
  ) -> KafkaPlan.Result {
    guard let error else { return .arrived }
    let name = topic.name(of: entry.machine.namespace)
    switch error.code {
    case .messageTooLarge, .batchTooLarge, .sizeInvalid, .recordInvalid:
      let record = KafkaRecord(entry, topic: name, format: setting.format)
      return .refused(KafkaText.refusal(error, topic: name, bytes: record.bytes))
    default:
      let cause = line.course.trouble(since: began - Self.memory)
      if error.code == .timedOut, cause == nil, silentTopic == nil { silentTopic = name }
      return .failed(KafkaText.failure(error, topic: name, cause: cause, limit: timeout))
    }
  }
}
