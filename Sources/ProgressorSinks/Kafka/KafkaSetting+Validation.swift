import Kafka

extension KafkaSetting {
  /// Throws what is wrong, in words that show no value of a property that may be secret.
  ///
  /// Nothing is connected to; files that properties name are read.
  public func validate() throws(InvalidSinkSetting) {
    if brokers.isEmpty { throw InvalidSinkSetting("must name one at least", field: "brokers") }
    for (index, broker) in brokers.enumerated() where !Self.isAddress(broker) {
      throw InvalidSinkSetting("must be HOST:PORT: number \(index + 1) is not", field: "brokers")
    }
    if let problem = KafkaTopic.problem(of: KafkaTopic(topic).name(of: "n")) {
      throw InvalidSinkSetting(problem, field: "topic")
    }
    let configuration = try configuration()
    do throws(KafkaError) { try configuration.check() } catch {
      throw InvalidSinkSetting("cannot be used: \(KafkaText.line(error.text))", field: "properties")
    }
  }

  /// What properties are where nobody sets them.
  private static let ownProperties = [
    "client.id": "progressor",
    // Of each machine one record is under way: what waits for more to come delays the next one.
    "linger.ms": "1",
    // It is known sooner that a topic does not exist than that a record is late.
    "topic.metadata.propagation.max.ms": "10000",
  ]

  /// The properties as librdkafka takes them.
  func configuration() throws(InvalidSinkSetting) -> KafkaConfiguration {
    var configuration = KafkaConfiguration()
    let properties = Self.ownProperties.merging(properties) { _, given in given }
    // Of several mistakes always the same one is named.
    for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
      try set(name, value, &configuration)
    }
    return configuration
  }

  private func set(
    _ name: String, _ value: String, _ configuration: inout KafkaConfiguration
  ) throws(InvalidSinkSetting) {
    do throws(KafkaPropertyError) { try configuration.set(name, value) } catch {
      throw InvalidSinkSetting(KafkaText.line("\(error)"), field: "properties")
    }
  }

  /// `host:port`, or `[address]:port` of IPv6. librdkafka would read a list, a protocol or a path.
  private static func isAddress(_ text: String) -> Bool {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return false }
    let port = text.utf8[text.utf8.index(after: colon)...]
    guard (1...5).contains(port.count), port.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(String(Substring(port))), (1...65_535).contains(number)
    else { return false }
    let host = Array(text.utf8[..<colon])
    guard (1...255).contains(host.count) else { return false }
    if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]"), host.count > 3 {
      return host[1..<(host.count - 1)].allSatisfy { byte in
        "0123456789abcdefABCDEF:.%".utf8.contains(byte)
      }
    }
    return host.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || ".-_".utf8.contains(byte)
    }
  }
}
