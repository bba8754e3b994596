import Synchronization

/// A producer of records that are acknowledged by all replicas in sync, once and in their order in
/// each partition as long as none of them fails: librdkafka's idempotent producer.
///
/// Nothing here blocks. What becomes of records, and whatever else happens, it tells on a thread of
/// its own.
public final class KafkaProducer: Sendable {
  /// Records under way at most; more are refused.
  public static let maximumRecords = 10_000
  /// As many kilobytes of records under way as librdkafka can count: memory is bounded by whoever
  /// sends, since one record of any size has to fit.
  static let maximumKilobytes = Int(Int32.max)
  /// After how long without any event ``KafkaEvent/quiet`` is told.
  public static let quiet: Duration = .seconds(1)

  private let handle: ProducerHandle
  private let thread: ProducerThread

  /// Starts it; it connects by itself.
  ///
  /// - Parameters:
  ///   - brokers: some of the cluster's, `host:port` each.
  ///   - deliveryTimeout: after how long a record that is not acknowledged is given up.
  ///   - tell: called with each event, on the producer's thread; it must not block. Not any more
  ///     soon after ``close()``.
  /// - Throws: `configuration` when the properties do not fit each other or name files that cannot
  ///   be read, `resources` when the process may not have more threads.
  public init(
    brokers: [String], _ configuration: KafkaConfiguration = KafkaConfiguration(),
    deliveryTimeout: Duration = .seconds(30), tell: @escaping @Sendable (KafkaEvent) -> Void
  ) throws(KafkaError) {
    let table = try configuration.table(brokers: brokers, deliveryTimeout: deliveryTimeout)
    handle = ProducerHandle(try table.makeClient())
    do throws(KafkaError) { thread = try ProducerThread(handle, tell: tell) } catch {
      handle.destroy()
      throw error
    }
  }

  deinit { close() }

  /// Sends a record. Its report has `number`; there is one unless this throws, or the producer is
  /// closed first. From any thread; does not wait.
  ///
  /// Throws when it cannot be sent: it is larger than `message.max.bytes`, its topic is known not
  /// to exist, more than ``maximumRecords`` are under way, or the producer is closed or failed.
  public func send(_ record: KafkaRecord, number: UInt64) throws(KafkaError) {
    try handle.send(record, number)
  }

  /// Asks the cluster about a topic, for one who wonders why nothing is acknowledged: librdkafka
  /// tries again what passes, and does not say what it was. Reports wait meanwhile, so that it is
  /// asked only when something is wrong; for two seconds at most, and until the task is cancelled.
  public func state(of topic: String) async -> KafkaTopicState {
    let answers = thread.ask(topic)
    handle.wake()
    for await answer in answers { return answer }
    return .unknown
  }

  /// Why the producer can do nothing more, a new one being needed; nil = it can.
  public var fatalError: KafkaError? { handle.fatalError }

  /// Forgets the records that are not acknowledged, without reports, and ends. Those that a broker
  /// has been sent may still be written. From any thread, any number of times; does not wait.
  public func close() {
    thread.stop()
    handle.wake()
  }

  /// Waits until it has ended after ``close()``: from then on it sends nothing. Answers whether it
  /// has within `limit`, which it has not where the look-up of a host's name takes longer; then it
  /// ends by itself later. False, too, when the task is cancelled.
  public func hasEnded(within limit: Duration) async -> Bool {
    await thread.ending.wait(atMost: limit)
  }

  /// Has librdkafka fail for good, for tests.
  func failForGood(_ code: KafkaError.Code, _ text: String) { handle.failForGood(code, text) }
}
