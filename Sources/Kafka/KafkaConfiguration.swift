import CRdkafka

/// Properties of a producer (librdkafka, CONFIGURATION.md), without those that are not to choose
/// (``heldReason(of:)``).
///
/// Holds secrets as they were given; no error and no description shows them.
public struct KafkaConfiguration: Sendable {
  /// In the order in which they were set.
  private(set) var properties: [(name: String, value: String)] = []

  /// Without any properties: with librdkafka's own values.
  public init() {}

  /// Sets a property. Throws when librdkafka does not know it or does not take the value, and when
  /// it is not to choose.
  public mutating func set(_ name: String, _ value: String) throws(KafkaPropertyError) {
    if let reason = Self.heldReason(of: name) {
      throw KafkaPropertyError(name: name, problem: "cannot be set: \(reason)")
    }
    let conf = PropertyTable()
    try conf.set(name, value)
    properties.append((name, value))
  }

  /// Throws when the properties do not fit each other, or name files that cannot be read: what
  /// shows only in a producer. So one is made, without brokers and threads of ours, and taken away.
  public func check() throws(KafkaError) {
    let table = PropertyTable()
    try Self.fill(table, properties)
    try Self.fill(table, Self.delivery(within: .seconds(30)))
    ProducerHandle(try table.makeClient()).destroy()
  }

  /// All of what a producer gets.
  func table(
    brokers: [String], deliveryTimeout: Duration
  ) throws(KafkaError) -> PropertyTable {
    let table = PropertyTable()
    try Self.fill(table, properties)
    try Self.fill(table, Self.delivery(within: deliveryTimeout))
    try Self.fill(table, [("bootstrap.servers", brokers.joined(separator: ","))])
    return table
  }

  private static func fill(
    _ table: PropertyTable, _ properties: [(name: String, value: String)]
  ) throws(KafkaError) {
    for (name, value) in properties {
      do throws(KafkaPropertyError) { try table.set(name, value) } catch {
        throw KafkaError(.configuration, "\(error)")
      }
    }
  }
}

/// What is wrong with a property.
public struct KafkaPropertyError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The property, as it was given.
  public let name: String
  /// What is wrong, to go on after the name; without a value that may be secret.
  public let problem: String

  public var description: String { "\(name) \(problem)" }
}
