import CRdkafka
import Synchronization

/// librdkafka's mock cluster (rdkafka_mock.h): brokers on sockets of this process, which keep what
/// they are sent. Its functions may be called from any thread.
public final class MockCluster: @unchecked Sendable {
  private let client: OpaquePointer
  private let cluster: OpaquePointer

  /// A request of Kafka's protocol, by its API key.
  public enum Request: Int16, Sendable {
    case produce = 0
    case metadata = 3
    case initProducerID = 22
  }

  /// With so many brokers, numbered from 1.
  public init(brokers: Int = 1) throws {
    let conf = rd_kafka_conf_new()
    rd_kafka_conf_set(conf, "log_level", "0", nil, 0)
    guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nil, 0) else { throw MockFailure() }
    guard let cluster = rd_kafka_mock_cluster_new(client, Int32(brokers)) else {
      rd_kafka_destroy(client)
      throw MockFailure()
    }
    self.client = client
    self.cluster = cluster
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  /// `host:port` of each broker.
  public var brokers: [String] {
    let list = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    return list.split(separator: ",").map(String.init)
  }

  /// A topic that nobody made is made when somebody asks for it, with four partitions.
  public func createTopic(_ name: String, partitions: Int = 4) {
    rd_kafka_mock_topic_create(cluster, name, Int32(partitions), 1)
  }

  /// Whoever asks for the topic is told this.
  public func failTopic(_ name: String, _ code: Int32) {
    rd_kafka_mock_topic_set_error(cluster, name, rd_kafka_resp_err_t(code))
  }

  /// The next requests are answered with these, each with one.
  public func answer(_ request: Request, _ codes: [Int32]) {
    let codes = codes.map { rd_kafka_resp_err_t($0) }
    rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, codes.count, codes)
  }

  /// What ``answer(_:_:)`` said and was not used.
  public func forgetAnswers(_ request: Request) {
    rd_kafka_mock_clear_request_errors(cluster, request.rawValue)
  }

  public func takeDown(_ broker: Int) { rd_kafka_mock_broker_set_down(cluster, Int32(broker)) }

  public func bringUp(_ broker: Int) { rd_kafka_mock_broker_set_up(cluster, Int32(broker)) }

  /// Answers of the broker come so much later.
  public func slowDown(_ broker: Int, milliseconds: Int) {
    rd_kafka_mock_broker_set_rtt(cluster, Int32(broker), Int32(milliseconds))
  }

  public func lead(_ topic: String, partition: Int, by broker: Int) {
    rd_kafka_mock_partition_set_leader(cluster, topic, Int32(partition), Int32(broker))
  }

  /// All that is in the topic, by partition and offset.
  public func records(of topic: String, partitions: Int = 4) throws -> [MockRecord] {
    try TopicReader(brokers: brokers, topic: topic, partitions: partitions).readAll()
  }
}

/// The mock cluster, or its reader, does not work.
public struct MockFailure: Error {
  public var text = "no mock cluster"
}

/// A record as it is in a topic.
public struct MockRecord: Sendable, Equatable {
  public var partition: Int
  public var offset: Int64
  public var key: [UInt8]
  public var value: [UInt8]
  public var headers: [Header]
  public var timestamp: Int64

  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: [UInt8]

    public init(_ name: String, _ value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  public var keyText: String { String(decoding: key, as: UTF8.self) }
  public var valueText: String { String(decoding: value, as: UTF8.self) }

  /// The header's value; nil = it is not there.
  public func header(_ name: String) -> String? {
    headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
  }
}
