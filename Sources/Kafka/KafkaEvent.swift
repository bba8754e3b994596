/// What a producer tells, on its thread.
public enum KafkaEvent: Sendable {
  /// What became of records.
  case reports([KafkaReport])
  /// Something went wrong that concerns no record, such as a connection. librdkafka goes on by
  /// itself, unless the error is fatal.
  case failed(KafkaError)
  /// A line of librdkafka's log.
  case log(KafkaLogLine)
  /// Nothing happened for ``KafkaProducer/quiet``.
  case quiet
}

/// What became of a record: one for each that was accepted, unless the producer is closed first.
public struct KafkaReport: Sendable, Hashable {
  /// What was said with the record when it was sent.
  public let number: UInt64
  /// Why it is not known to have been written; nil = all replicas in sync have it.
  public let error: KafkaError?

  public init(number: UInt64, error: KafkaError? = nil) {
    self.number = number
    self.error = error
  }
}

/// A line of librdkafka's log.
public struct KafkaLogLine: Sendable, Hashable {
  /// As syslog has them: 0, an emergency, to 7, debugging.
  public let level: Int
  /// The part of librdkafka and what it says, in one line. May hold what a broker said.
  public let text: String
}
