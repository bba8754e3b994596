public import MachineModel
public import ProgressorAccess

/// A sink as it was configured.
public struct SinkSetting: Sendable, Hashable {
  /// Its name, and that of the consumer by which it is remembered what arrived: 1 to 256 bytes.
  public var name: String
  /// Only entries of namespaces that match one of these; empty = of all.
  public var namespaces: [Glob]
  /// Only entries of these kinds; empty = of all.
  public var kinds: Set<FeedKind>
  /// Where they go.
  public var target: Target

  /// Where entries go.
  public enum Target: Sendable, Hashable {
    case kafka(KafkaSetting)
    case webhook(WebhookSetting)
  }

  public init(name: String, namespaces: [Glob] = [], kinds: Set<FeedKind> = [], target: Target) {
    self.name = name
    self.namespaces = namespaces
    self.kinds = kinds
    self.target = target
  }
}

/// What the value of a Kafka record is, and the data of an event in JSON.
public enum SinkFormat: String, Sendable, Hashable, CaseIterable {
  /// The `SubscribeResponse` as protobuf.
  case protobuf
  /// The same in proto3 JSON.
  case json
}

/// Topics of a Kafka cluster.
public struct KafkaSetting: Sendable, Hashable {
  /// `host:port`, one at least.
  public var brokers: [String]
  /// The topic; `{namespace}` in it stands for the namespace.
  public var topic: String
  /// What the values are.
  public var format: SinkFormat
  /// More settings of librdkafka, by their names there. Those that the delivery depends on are
  /// refused.
  public var properties: [String: String]

  /// The topic where nothing else is said.
  public static let defaultTopic = "progressor.{namespace}"

  public init(
    brokers: [String], topic: String = defaultTopic, format: SinkFormat = .protobuf,
    properties: [String: String] = [:]
  ) {
    self.brokers = brokers
    self.topic = topic
    self.format = format
    self.properties = properties
  }
}

/// An address that takes CloudEvents by POST.
public struct WebhookSetting: Sendable, Hashable {
  /// `https://…` or `http://…`.
  public var url: String
  /// The key of the signatures; nil = there are none.
  public var secret: WebhookSecret?
  /// How long an answer may take.
  public var timeout: Duration
  /// Entries of one request at most: 1 to 1,000.
  public var batch: Int

  public init(
    url: String, secret: WebhookSecret? = nil, timeout: Duration = .seconds(10), batch: Int = 100
  ) {
    self.url = url
    self.secret = secret
    self.timeout = timeout
    self.batch = batch
  }
}

extension SinkSetting.Target: CustomStringConvertible {
  /// Where it is, without what may be secret.
  public var description: String {
    switch self {
    case .kafka(let kafka): "\(kafka.brokers.joined(separator: ", ")), topic \(kafka.topic)"
    case .webhook(let webhook): String(webhook.url.prefix { $0 != "?" })
    }
  }
}
