import MachineModel
import ProgressorSinks
import Testing

@testable import ProgressorServer

@Suite("Sinks of the configuration")
struct SinksDocumentTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  private static func read(_ text: String) throws -> [SinkSetting] {
    try NodeConfiguration(file: (text: text, path: "p.yaml")).sinks
  }

  private static func problem(_ text: String) -> String? {
    do {
      _ = try read(text)
      return nil
    } catch { return "\(error)" }
  }

  @Test("A sink is a name, what it wants, and where that goes")
  func entries() throws {
    let text = """
      sinks:
        - name: search
          namespaces: [orders, "test-*"]
          kinds: [event, removed]
          webhook: {url: "https://search/in", secret: \(Self.secret), timeout: 3s, batch: 7}
        - name: lake
          kafka:
            brokers: ["k1:9092", "k2:9092"]
            topic: all
            format: json
            properties: {linger.ms: 20, compression.type: zstd}
        - {name: short, kafka: {brokers: "k1:9092, k2:9092"}}
        - {name: plain, webhook: {url: "http://h:1/"}}
      """
    let sinks = try Self.read(text)
    #expect(sinks.map(\.name) == ["search", "lake", "short", "plain"])
    #expect(sinks[0].namespaces.map(\.description) == ["orders", "test-*"])
    #expect(sinks[0].kinds == [.event, .removed] && sinks[1].kinds.isEmpty)
    guard case .webhook(let webhook) = sinks[0].target, case .kafka(let kafka) = sinks[1].target,
      case .kafka(let short) = sinks[2].target, case .webhook(let plain) = sinks[3].target
    else {
      Issue.record("other targets")
      return
    }
    #expect(webhook.timeout == .seconds(3) && webhook.batch == 7 && webhook.secret != nil)
    #expect(plain.timeout == .seconds(10) && plain.batch == 100 && plain.secret == nil)
    #expect(kafka.brokers == ["k1:9092", "k2:9092"] && short.brokers == kafka.brokers)
    #expect(kafka.topic == "all" && short.topic == "progressor.{namespace}")
    #expect(kafka.format == .json && short.format == .protobuf)
    #expect(kafka.properties == ["linger.ms": "20", "compression.type": "zstd"])
  }

  @Test(
    "What is wrong names its line and field",
    arguments: [
      ("sinks: 7", "sinks"),
      ("sinks: [{webhook: {url: 'http://h/'}}]", "has no name"),
      ("sinks: [{name: '', webhook: {url: 'http://h/'}}]", "sinks[0].name"),
      ("sinks: [{name: s}]", "has neither kafka nor webhook"),
      (
        "sinks: [{name: s, webhook: {url: 'http://h/'}, kafka: {brokers: 'h:1'}}]",
        "has both kafka and webhook"
      ),
      ("sinks: [{name: s, webhok: {url: 'http://h/'}}]", "sinks[0].webhok: unknown key"),
      ("sinks: [{name: s, kinds: [made], webhook: {url: 'http://h/'}}]", "sinks[0].kinds[0]"),
      ("sinks: [{name: s, kinds: [], webhook: {url: 'http://h/'}}]", "sinks[0].kinds"),
      ("sinks: [{name: s, namespaces: ['[a]'], webhook: {url: 'http://h/'}}]", "namespaces[0]"),
      ("sinks: [{name: s, webhook: {}}]", "has no url"),
      ("sinks: [{name: s, webhook: {url: 'ftp://h/'}}]", "sinks[0].webhook.url"),
      ("sinks: [{name: s, webhook: {url: 'http://h/', timeout: 0s}}]", "webhook.timeout"),
      ("sinks: [{name: s, webhook: {url: 'http://h/', timeout: 1h}}]", "webhook.timeout"),
      ("sinks: [{name: s, webhook: {url: 'http://h/', batch: 0}}]", "webhook.batch"),
      ("sinks: [{name: s, webhook: {url: 'http://h/', batch: 1001}}]", "webhook.batch"),
      ("sinks: [{name: s, webhook: {url: 'http://h/', secret: hush}}]", "webhook.secret"),
      (
        "sinks: [{name: s, webhook: {url: 'http://h/', secret_file: /nowhere}}]",
        "webhook.secret_file"
      ),
      (
        "sinks: [{name: s, webhook: {url: 'http://h/', secret: a, secret_file: b}}]",
        "has both secret and secret_file"
      ),
      ("sinks: [{name: s, kafka: {}}]", "has no brokers"),
      ("sinks: [{name: s, kafka: {brokers: []}}]", "sinks[0].kafka.brokers"),
      ("sinks: [{name: s, kafka: {brokers: 'h'}}]", "sinks[0].kafka"),
      ("sinks: [{name: s, kafka: {brokers: 'h:1', format: xml}}]", "kafka.format"),
      ("sinks: [{name: s, kafka: {brokers: 'h:1', topic: 'a b'}}]", "kafka.topic"),
      (
        "sinks: [{name: s, kafka: {brokers: 'h:1', properties: {no.such: 1}}}]",
        "kafka.properties"
      ),
      (
        "sinks: [{name: s, kafka: {brokers: 'h:1', properties: {acks: 1}}}]", "kafka.properties"
      ),
    ])
  func wrong(text: String, part: String) throws {
    let problem = try #require(Self.problem(text))
    #expect(problem.contains(part), "\(problem)")
    #expect(problem.hasPrefix("p.yaml:1"))
    #expect(!problem.contains("hush"))
  }

  @Test("There are sixteen at most, each with a name of its own")
  func count() throws {
    func sinks(_ names: [String]) -> String {
      "sinks:\n" + names.map { "  - {name: \($0), webhook: {url: 'http://h/'}}\n" }.joined()
    }
    #expect(try Self.read(sinks((0..<16).map { "s-\($0)" })).count == 16)
    #expect(Self.problem(sinks((0..<17).map { "s-\($0)" }))?.contains("16") == true)
    #expect(Self.problem(sinks(["a", "a"]))?.contains("two sinks \"a\"") == true)
    // The same letter to the eye, and another name.
    #expect(try Self.read(sinks(["caf\u{E9}", "cafe\u{301}"])).count == 2)
  }

  @Test("A sink changes with the next start")
  func changes() throws {
    let one = try NodeConfiguration(
      file: (text: "sinks: [{name: a, webhook: {url: 'http://h/'}}]", path: "p"))
    let other = try NodeConfiguration(
      file: (text: "sinks: [{name: a, webhook: {url: 'http://i/'}}]", path: "p"))
    #expect(one.settingsChanged(in: other) == ["sinks"] && one.settingsChanged(in: one).isEmpty)
  }
}
