import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct NamespaceTests {
  private static let processor = Wire.bytes(2, Wire.text(1, "h:1"))

  private func decode(_ rest: [UInt8]) throws -> Namespace {
    let namespace = Wire.text(1, "a") + Self.processor + rest
    return try CreateNamespaceRequest(decoding: Wire.bytes(1, namespace)).namespace
  }

  private func refuses(
    _ path: String, _ problem: String, _ rest: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: ProtobufError.invalid(path: "namespace." + path, problem: problem),
      sourceLocation: sourceLocation
    ) { try decode(rest) }
  }

  @Test("Absent rules are the documented defaults, given ones are kept, zeros too")
  func presence() throws {
    #expect(try decode([]) == Samples.namespaces[0])
    let policy = try decode(Wire.bytes(3, Wire.varint(4, 0) + Wire.double(5, 0))).retryPolicy
    #expect(policy == RetryPolicy(maxAttempts: 0, jitter: 0))
  }

  @Test("A namespace without a processor, or with one without an endpoint, is refused")
  func processorMissing() {
    #expect(
      throws: ProtobufError.invalid(path: "namespace.processor", problem: "must be set")
    ) { try CreateNamespaceRequest(decoding: Wire.bytes(1, Wire.text(1, "a"))) }
    #expect(
      throws: ProtobufError.invalid(
        path: "namespace.processor.endpoint",
        problem: "must be set: HOST:PORT, dns:///…, ipv4:…, ipv6:… or unix:PATH")
    ) {
      try CreateNamespaceRequest(
        decoding: Wire.bytes(1, Wire.text(1, "a") + Wire.bytes(2, Wire.varint(3, 1))))
    }
  }

  @Test("A key needs its certificate, and a name is no address")
  func tls() {
    func tls(_ fields: [UInt8]) -> [UInt8] {
      Wire.bytes(2, Wire.text(1, "h:1") + Wire.bytes(5, fields))
    }
    refuses(
      "processor.tls.certificate_file", "must be set with key_file", tls(Wire.text(3, "/k")))
    refuses(
      "processor.tls.key_file", "must be set with certificate_file", tls(Wire.text(2, "/c")))
    refuses(
      "processor.tls.ca_file", "contains a space, a control character or \"|\"",
      tls(Wire.text(1, "/a|b")))
    for name in ["10.0.0.1", "::1", "a_b"] {
      refuses(
        "processor.tls.server_name",
        "must be a DNS name; of an IP address in the endpoint, that is looked for",
        tls(Wire.text(4, name)))
    }
  }

  @Test("A multiplier below 1 or a jitter outside of 0 to 1 is refused, NaN too")
  func factors() {
    for multiplier in [0.5, -1, .nan, .infinity] {
      refuses(
        "retry_policy.multiplier", "must be at least 1",
        Wire.bytes(3, Wire.double(2, multiplier)))
    }
    for jitter in [-0.1, 1.1, .nan] {
      refuses("retry_policy.jitter", "must be 0 to 1", Wire.bytes(3, Wire.double(5, jitter)))
    }
  }

  @Test("A feed is off where nothing is said; its retention must be positive, its size no less")
  func feed() throws {
    #expect(try decode(Wire.bytes(10, [])).feed == FeedOptions())
    #expect(try decode(Wire.bytes(10, Wire.varint(1, 1))).feed == FeedOptions(isEnabled: true))
    refuses("feed.retention", "must be positive", Wire.bytes(10, Wire.bytes(3, [])))
    refuses("feed.max_bytes", "must not be negative", Wire.bytes(10, Wire.varint(4, .max)))
  }

  @Test("Limits must be positive")
  func limits() {
    for (number, name) in [(1, "mailbox"), (2, "steps_in_flight"), (3, "notifications")] {
      refuses("limits.\(name)", "must be positive", Wire.bytes(4, Wire.varint(number, 0)))
    }
  }
}
