/// A record to be written to a topic. Its partition follows from its key.
public struct KafkaRecord: Sendable, Hashable {
  /// 1 to 249 of `a`…`z`, `A`…`Z`, `0`…`9`, `.`, `_` and `-`, and neither `.` nor `..`.
  public var topic: String
  /// Records of one key are in one partition, the same as Java's clients choose.
  public var key: [UInt8]
  /// What is told.
  public var value: [UInt8]
  /// In their order; a name may come twice.
  public var headers: [KafkaHeader]
  /// Milliseconds since 1970.
  public var timestamp: Int64

  public init(
    topic: String, key: [UInt8], value: [UInt8], headers: [KafkaHeader] = [], timestamp: Int64
  ) {
    self.topic = topic
    self.key = key
    self.value = value
    self.headers = headers
    self.timestamp = timestamp
  }
}

/// A header of a record.
public struct KafkaHeader: Sendable, Hashable {
  /// UTF-8.
  public var name: String
  /// Any bytes; none is something else than no value, which is not to be had.
  public var value: [UInt8]

  public init(_ name: String, _ value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
