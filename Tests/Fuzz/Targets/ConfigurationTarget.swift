import ProgressorAccess

@testable import ProgressorServer

extension FuzzTarget {
  /// The configuration file, in YAML.
  static let configuration = FuzzTarget(
    name: "configuration", maximumBytes: 2_048, seeds: { ConfigurationCheck.seeds },
    check: .atOnce { try ConfigurationCheck(text: String(decoding: $0, as: UTF8.self)).run() })
}

private struct ConfigurationCheck {
  let text: String

  func run() throws {
    let file = (text: text, path: "f.yaml")
    do throws(ConfigurationError) {
      try checkReading(file)
    } catch {
      try Self.check(error)
    }
    do throws(ConfigurationError) {
      _ = try AuthorizationSetting(text: text, path: "f.yaml")
    } catch {
      try Self.check(error)
    }
  }

  /// Read twice, it is the same; and what can be served can be shown.
  private func checkReading(_ file: (text: String, path: String)) throws(ConfigurationError) {
    let configuration = try NodeConfiguration(file: file)
    let again = try NodeConfiguration(file: file)
    let report = try ConfigurationReport(file: file)
    guard configuration.settingsChanged(in: again).isEmpty, report.namespaces == again.namespaces
    else {
      // A place without a name is a violation.
      throw ConfigurationError(place: "", problem: "the same file is read otherwise")
    }
  }

  /// An error is a line, and names its place.
  static func check(_ error: ConfigurationError) throws {
    let line = error.description
    try demand(!error.place.isEmpty, "no place: \(line)")
    try demand(
      !line.unicodeScalars.contains { $0.properties.generalCategory == .control },
      "an error has control characters: \(line.debugDescription)")
    try demand(line.utf8.count < 16_384, "an error has \(line.utf8.count) bytes")
  }

  static var seeds: [[UInt8]] {
    let whole = """
      listen: ["127.0.0.1:7070", 'unix:/run/p.sock']
      database:
        url: postgresql://p:secret@h:5432/d
      lease: 10s
      limits: {message_size: 16MiB, requests: 100}
      log: {level: warning, format: json}
      namespaces:
        - name: orders
          processor: {endpoint: "h:50051", timeout: 1m30s, tls: {server_name: h}}
          retry_policy: {multiplier: 1.5, jitter: .2, non_retryable: [A, OUT_OF_RANGE]}
          default_history_range: {direction: backward, limit: 10}
          trace: {level: all, retention: 7d}
        - name: other
          processor:
            endpoint: unix:/run/q.sock
      """
    let rules = """
      authorization:
        rules:
          - principals: [ann, "uid:0"]
            groups: [ops]
            namespaces: ["a-*", '\\*']
            allow: [read, operate]
            payloads: hidden
      """
    let listeners = """
      listen:
        - address: 127.0.0.1:7070
          services: [automaton]
        - address: "[::1]:7071"
          tls: {certificate: /c.pem, key: /k.pem, client_ca: /a.pem, client_certificates: optional}
      """
    let strange = """
      %YAML 1.1
      ---
      &a lease: &b !!str "1\\x0as"
      slots: *b
      ? [x, y]
      : |+
        text

      ...
      """
    return [whole, rules, listeners, strange, "", "lease:", "- a", "a: &a [*a]"].map {
      Array($0.utf8)
    }
  }
}
