import CRdkafka

/// What librdkafka says went wrong.
public struct KafkaError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A code of librdkafka: below 0 its own, above 0 those of Kafka's protocol ("Error Codes").
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// `rd_kafka_resp_err_t`.
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ code: rd_kafka_resp_err_t) { self.init(rawValue: code.rawValue) }

    var c: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue: rawValue) }
  }

  /// Which error it is.
  public let code: Code
  /// What librdkafka says of it: of this occurrence, or else in general. For people; may hold what
  /// a broker said.
  public let text: String
  /// The producer can do nothing more; a new one is needed (rdkafka.h, `rd_kafka_fatal_error`).
  public let isFatal: Bool
  /// The same call may succeed when it is repeated (rdkafka.h, `rd_kafka_error_is_retriable`).
  public let isRetriable: Bool

  /// - Parameter text: nil = what librdkafka says of the code in general.
  public init(
    _ code: Code, _ text: String? = nil, isFatal: Bool = false, isRetriable: Bool = false
  ) {
    self.code = code
    self.text = text ?? String(cString: rd_kafka_err2str(code.c))
    self.isFatal = isFatal || code == .fatal
    self.isRetriable = isRetriable
  }

  /// Its name as librdkafka and Kafka have it, `_MSG_TIMED_OUT` or `MSG_SIZE_TOO_LARGE`: one that
  /// begins with `_` arose in librdkafka, any other is a broker's.
  public var name: String { String(cString: rd_kafka_err2name(code.c)) }

  public var description: String { "\(text) (\(name))" }
}

extension KafkaError.Code {
  /// There is no such topic, and none is made by itself: what librdkafka concludes.
  public static let topicUnknownHere = KafkaError.Code(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
  /// There is no such topic or partition: what a broker answers.
  public static let topicUnknown = KafkaError.Code(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
  /// No acknowledgement within the producer's delivery timeout.
  public static let timedOut = KafkaError.Code(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
  /// The record, or the batch that it was in, is larger than the limit here or of the topic.
  public static let messageTooLarge = KafkaError.Code(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
  /// The batch is larger than a segment of the topic.
  public static let batchTooLarge = KafkaError.Code(RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
  /// A record has a size that cannot be.
  public static let sizeInvalid = KafkaError.Code(RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE)
  /// A record, or one of its batch, is none that the topic takes.
  public static let recordInvalid = KafkaError.Code(RD_KAFKA_RESP_ERR_INVALID_RECORD)
  /// No broker can be reached; why not, other errors say.
  public static let allBrokersDown = KafkaError.Code(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
  /// The producer failed for good; what it says of the cause is the text.
  public static let fatal = KafkaError.Code(RD_KAFKA_RESP_ERR__FATAL)
  /// The producer is being closed.
  public static let closed = KafkaError.Code(RD_KAFKA_RESP_ERR__DESTROY)
  /// The process lacks what a new producer needs: memory or threads.
  public static let resources = KafkaError.Code(RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
  /// The properties do not fit each other.
  public static let configuration = KafkaError.Code(RD_KAFKA_RESP_ERR__INVALID_ARG)
}
