import GRPC
import Testing

@testable import ProgressorServer

@Suite("Listeners of the configuration")
struct ListenerSettingTests {
  private static func read(
    _ text: String, flags: [String: [String]] = [:]
  ) throws -> [ListenerSetting] {
    try NodeConfiguration(flags: flags, file: (text: text, path: "p.yaml")).listeners
  }

  private static func problem(_ text: String) -> String? {
    do {
      _ = try read(text)
      return nil
    } catch { return "\(error)" }
  }

  @Test("An entry is an address, or a mapping with TLS and services")
  func entries() throws {
    let text = """
      listen:
        - 127.0.0.1:1
        - address: unix:/s
          services: [health, repair_jobs]
        - address: "[::1]:2"
          tls: {certificate: /c, key: /k, client_ca: /ca}
        - address: h:3
          tls: {certificate: /c, key: /k, client_ca: /ca, client_certificates: optional}
        - {address: h:4, tls: {certificate: /c, key: /k}}
      """
    let listeners = try Self.read(text)
    #expect(
      listeners.map(\.address) == [
        .tcp(host: "127.0.0.1", port: 1), .unix(path: "/s"), .tcp(host: "::1", port: 2),
        .tcp(host: "h", port: 3), .tcp(host: "h", port: 4),
      ])
    let demands = listeners.map { $0.tls.map { "\($0.clientCertificates)" } }
    #expect(demands == [nil, nil, "required", "optional", "none"])
    #expect(listeners[1].services == [.health, .repairJobs])
    #expect(listeners[2].tls?.clientCA == "/ca")
  }

  @Test("Flags are for TCP listeners that have no TLS of their own, and go before the file")
  func flags() throws {
    let text = """
      listen: [{address: h:1, tls: {certificate: /own, key: /k}}, h:2, unix:/s]
      """
    let flags = ["tls.certificate": ["/c"], "tls.key": ["/k"], "tls.client_ca": ["/ca"]]
    let listeners = try Self.read(text, flags: flags)
    #expect(listeners.map { $0.tls?.certificate } == ["/own", "/c", nil])
    #expect(listeners[1].tls.map { "\($0.clientCertificates)" } == "required")
    let other = try Self.read(text, flags: ["listen": ["h:5"]])
    #expect(other == [ListenerSetting(.tcp(host: "h", port: 5))])
    #expect(throws: ConfigurationError.self) { try Self.read(text, flags: ["tls.key": ["/k"]]) }
  }

  @Test(
    "What does not belong there, or together, names line and field",
    arguments: [
      ("{tls: {certificate: /c, key: /k}}", "p.yaml:1: listen[0]: has no address"),
      ("{address: h}", "write HOST:PORT"),
      ("{address: h:1, tls: {certificate: /c}}", "listen[0].tls: has no key"),
      ("{address: h:1, tls: {key: /k}}", "listen[0].tls: has no certificate"),
      ("{address: h:1, tls: true}", "must be a mapping"),
      ("{address: h:1, tls: {certificate: /c, key: /k, ca: /x}}", "listen[0].tls.ca: unknown key"),
      (
        "{address: h:1, tls: {certificate: /c, key: /k, client_certificates: optional}}",
        "has no client_ca"
      ),
      (
        "{address: h:1, tls: {certificate: /c, key: /k, client_ca: /a, client_certificates: none}}",
        "makes no use of"
      ),
      (
        "{address: h:1, tls: {certificate: /c, key: /k, client_certificates: maybe}}",
        "must be none, optional or required"
      ),
      ("{address: h:1, services: []}", "must be a list"),
      ("{address: h:1, services: [machines]}", "listen[0].services[0]: must be one of automaton"),
      ("{address: h:1, port: 2}", "listen[0].port: unknown key"),
    ])
  func problems(entry: String, words: String) {
    let problem = Self.problem("listen: [\(entry)]")
    #expect(problem?.contains(words) == true, "\(problem ?? "none")")
  }

  @Test("A namespace of the file names files below the folder only; tls: {} is TLS")
  func processors() throws {
    func tls(_ value: String, _ head: String = "") throws -> NodeConfiguration {
      try NodeConfiguration(
        file: (
          text: """
          \(head)
          namespaces: [{name: a, processor: {endpoint: "h:1", tls: \(value)}}]
          """, path: "p.yaml"
        ))
    }
    guard case .define(let namespace) = try tls("{}").namespaces[0] else { return }
    #expect(namespace.processor.tls != nil)
    #expect(throws: ConfigurationError.self) { try tls("{ca_file: /tls/a}") }
    let folder = "processor_tls_directory: /tls"
    #expect(throws: ConfigurationError.self) { try tls("{ca_file: /etc/a}", folder) }
    guard case .define(let inside) = try tls("{ca_file: /tls/a}", folder).namespaces[0] else {
      return
    }
    #expect(inside.processor.tls?.caFile == "/tls/a")
    #expect(throws: ConfigurationError.self) { try tls("{}", "processor_tls_directory: a/b") }
  }
}
