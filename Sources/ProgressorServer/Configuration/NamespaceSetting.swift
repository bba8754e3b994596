/// One key of an entry of `namespaces` in the configuration file. The names and meanings are those
/// of `progressor.v1.Namespace`.
public struct NamespaceSetting: Sendable, Hashable {
  /// What a value must be.
  public enum Kind: Sendable, Hashable {
    case text
    case list
    case integer
    case decimal
    /// As ``Setting/Kind/duration(_:)``.
    case duration
    /// As ``Setting/Kind/size(_:)``.
    case size
    case choice([String])
  }

  /// The path within the entry, joined by dots: `processor.endpoint`.
  public let key: String
  /// What its values are; ranges are those of the contract.
  public let kind: Kind
  /// The value when none is given, as it would be written.
  public let defaultText: String
  /// What it means, for the documentation.
  public let meaning: String

  init(_ key: String, _ kind: Kind, default defaultText: String = "", _ meaning: String) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.meaning = meaning
  }

  /// Every key of an entry.
  public static let all: [NamespaceSetting] = [
    NamespaceSetting("name", .text, "The name, 1 to 256 bytes. Must be set."),
    NamespaceSetting(
      "processor.endpoint", .text,
      "The processor: HOST:PORT, dns:///HOST:PORT, ipv4:…, ipv6:… or unix:PATH. Must be set."),
    NamespaceSetting(
      "processor.timeout", .duration, default: "30s", "How long one invocation may take."),
    NamespaceSetting("processor.max_in_flight", .integer, default: "1000", "Invocations at once."),
    NamespaceSetting(
      "processor.connections", .integer, default: "2", "Connections per address, at most 64."),
    NamespaceSetting(
      "processor.tls.ca_file", .text,
      "PEM file of the authorities to trust, below processor_tls_directory; without it, those of "
        + "the system. tls: {} is TLS with nothing else said."),
    NamespaceSetting(
      "processor.tls.certificate_file", .text,
      "PEM file of what is shown to the processor, leaf first, below processor_tls_directory."),
    NamespaceSetting(
      "processor.tls.key_file", .text, "PEM file of its private key, which others cannot read."),
    NamespaceSetting(
      "processor.tls.server_name", .text,
      "The DNS name in the processor's certificate; without it, the host of the endpoint."),
    NamespaceSetting(
      "retry_policy.initial_interval", .duration, default: "1s", "Before the second attempt."),
    NamespaceSetting(
      "retry_policy.multiplier", .decimal, default: "2", "Growth of the interval, at least 1."),
    NamespaceSetting(
      "retry_policy.max_interval", .duration, default: "30m", "A cap of the interval."),
    NamespaceSetting(
      "retry_policy.max_attempts", .integer, default: "100",
      "After so many attempts the machine fails; 0 = no limit."),
    NamespaceSetting(
      "retry_policy.jitter", .decimal, default: "0.1",
      "Part of the interval by which it is varied at random, 0 to 1."),
    NamespaceSetting(
      "retry_policy.non_retryable", .list, "gRPC codes or ErrorInfo reasons not tried again."),
    NamespaceSetting("limits.mailbox", .integer, default: "1000", "Requests waiting per machine."),
    NamespaceSetting("limits.steps_in_flight", .integer, default: "10000", "Steps at once."),
    NamespaceSetting(
      "limits.notifications", .integer, default: "10000", "Notifications queued per machine."),
    NamespaceSetting(
      "limits.messages", .integer, default: "10000",
      "Messages of a machine that are not delivered."),
    NamespaceSetting(
      "default_history_range.after", .integer, default: "0", "Events after, or before, this id."),
    NamespaceSetting(
      "default_history_range.limit", .integer, "At most so many events; without it, all."),
    NamespaceSetting(
      "default_history_range.direction", .choice(["forward", "backward"]), default: "forward",
      "The order of the events."),
    NamespaceSetting(
      "idempotency_retention", .duration, default: "24h", "How long replies to keys are kept."),
    NamespaceSetting(
      "trace.level", .choice(["none", "changes", "all"]), default: "changes",
      "What is recorded of steps."),
    NamespaceSetting(
      "trace.retention", .duration, default: "7d", "How long records of steps are kept."),
    NamespaceSetting(
      "feed.enabled", .choice(["false", "true"]), default: "false",
      "Whether what is committed goes into the feed."),
    NamespaceSetting(
      "feed.bodies", .choice(["false", "true"]), default: "false",
      "Whether events go into it with their data."),
    NamespaceSetting(
      "feed.retention", .duration, default: "7d", "How long its entries are kept."),
    NamespaceSetting(
      "feed.max_bytes", .size, default: "0", "About how many bytes of it are kept; 0 = no bound."),
  ]

  /// The setting of that key.
  public static func named(_ key: String) -> NamespaceSetting? { all.first { $0.key == key } }
}
