import Kafka
import MachineModel

/// What went wrong, in words for an operator.
enum KafkaText {
  /// Bytes that a text of librdkafka or a broker may have.
  private static let maximumBytes = 300

  /// What a library or a broker says, as one harmless line.
  static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(scalar.steersText ? " " : scalar) }
    return String(scalars).fitToKeep(utf8Bytes: maximumBytes)
  }

  /// Why a record was not acknowledged.
  ///
  /// - Parameters:
  ///   - cause: What else librdkafka had to say of late, such as of connections.
  ///   - limit: How long it was tried.
  static func failure(
    _ error: KafkaError, topic: String, cause: KafkaError?, limit: Duration
  ) -> String {
    switch error.code {
    case .topicUnknown, .topicUnknownHere:
      "topic \(topic) does not exist, and the cluster makes none by itself"
    case .timedOut: silence(of: topic, limit: limit) + (cause.map { ": \(line($0.text))" } ?? "")
    default: "topic \(topic): \(line("\(error)"))"
    }
  }

  /// That nothing was heard, and nobody has said why.
  static func silence(of topic: String, limit: Duration) -> String {
    "no acknowledgement within \(limit) from topic \(topic)"
  }

  /// The same, with what the cluster says of the topic.
  static func silence(of topic: String, limit: Duration, state: KafkaTopicState) -> String {
    let silence = silence(of: topic, limit: limit)
    switch state {
    case .failing(let error): return "\(silence): \(line("\(error)"))"
    case .ready: return "\(silence), which is there: replicas in sync may be missing"
    case .unknown: return silence
    }
  }

  /// Why a record is passed over.
  static func refusal(_ error: KafkaError, topic: String, bytes: Int) -> String {
    "topic \(topic) does not take a record of \(bytes) bytes: \(line("\(error)"))"
  }
}
