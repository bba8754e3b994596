import Foundation
import MachineModel
import ProgressorProto

@testable import ProgressorSinks

extension FuzzTarget {
  /// What webhooks are told and tell: addresses, secrets, `retry-after`, names in events.
  static let sinks = FuzzTarget(
    name: "sinks", maximumBytes: 2_500, seeds: { SinksCheck.seeds },
    check: .atOnce { try SinksCheck($0).run() })
}

/// The first byte says what the rest is.
private struct SinksCheck {
  private let kind: UInt8
  private let text: String

  init(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    kind = input.byte()
    text = input.text
  }

  func run() throws {
    switch kind % 4 {
    case 0: try checkAddress()
    case 1: try checkSecret()
    case 2: try checkRetryAfter()
    default: try checkEvent()
    }
  }

  /// Another reader of addresses finds the same host in it, and nobody's password.
  private func checkAddress() throws {
    let url: WebhookURL
    do { url = try WebhookURL(text) } catch { return }
    guard let parts = URLComponents(string: text), let host = parts.host else {
      throw Violation(description: "\(text) is no URL")
    }
    let port = parts.port.map { ":\($0)" } ?? ""
    // Leading zeros of a port are as it was written.
    try demand(
      url.authority.hasPrefix(host) && (port.isEmpty || url.authority.hasSuffix(port.dropFirst())),
      "\(text) leads to \(host)\(port), and is shown as \(url.authority)")
    try demand(
      parts.user == nil && parts.password == nil && parts.fragment == nil, "\(text) is taken")
    try demand(parts.scheme.map { ["http", "https"].contains($0.lowercased()) } ?? false, text)
  }

  private func checkSecret() throws {
    if let bytes = PaddedBase64.decoded(text) {
      try demand(PaddedBase64.encoded(bytes) == text, "\(text) is one of two forms of \(bytes)")
      try demand(Data(base64Encoded: text) == Data(bytes), "\(text) is read otherwise")
    }
    let bytes = Array(text.utf8)
    try demand(PaddedBase64.decoded(PaddedBase64.encoded(bytes)) == bytes, "\(bytes) get lost")
    do {
      let secret = try WebhookSecret("whsec_" + text)
      try demand(!"\(secret)".contains(text), "\(secret) shows it")
    } catch {
      try demand(text.utf8.count < 8 || !"\(error)".contains(text), "\(error) shows it")
    }
  }

  private func checkRetryAfter() throws {
    for now in [Timestamp.earliest, Timestamp(microseconds: 1_795_560_363_250_000), .latest] {
      guard let wait = RetryAfter.duration(text, now: now) else { continue }
      try demand(wait >= .zero && wait <= RetryAfter.maximum, "\(text) is \(wait)")
    }
  }

  /// Another reader of JSON finds the names that the machine has.
  private func checkEvent() throws {
    let middle = text.unicodeScalars.index(text.startIndex, offsetBy: text.unicodeScalars.count / 2)
    let machine = MachineID(namespace: String(text[..<middle]), id: String(text[middle...]))
    let entry = FeedEntry(
      shard: ShardID(0), sequence: 1, machine: machine,
      note: FeedNote(.created, at: Timestamp(microseconds: 0)))
    let body = CloudEventBatch([entry], atMost: 1, bytes: 1).body
    let json = try JSONSerialization.jsonObject(with: Data(body)) as? [[String: Any]]
    let event = json?.first ?? [:]
    let data = event["data"] as? [String: Any] ?? [:]
    try demand((event["subject"] as? String)?.isExactly(machine.id) == true, "\(machine) \(event)")
    try demand((data["machineId"] as? String ?? "").isExactly(machine.id), "\(machine) \(data)")
    let namespace = data["namespace"] as? String ?? ""
    try demand(namespace.isExactly(machine.namespace), "\(machine) \(data)")
    let source = event["source"] as? String ?? ""
    try demand(
      source.hasPrefix("/progressor/")
        && source.dropFirst(12).removingPercentEncoding?.isExactly(machine.namespace) == true,
      "\(machine) comes from \(source)")
    let written = String(decoding: body, as: UTF8.self)
    try demand(!written.unicodeScalars.contains(where: \.steersText), "\(written) steers")
  }

  static var seeds: [[UInt8]] {
    let texts: [(UInt8, String)] = [
      (0, "https://hooks.example.org/a/%C3%A9?key=1"), (0, "http://127.0.0.1:8080"),
      (0, "http://[::1]:1/"), (0, "http://a:b@c/#d"),
      (1, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), (1, "Zg=="), (1, "Zm8="), (2, "120"),
      (2, "Sun, 06 Nov 1994 08:49:37 GMT"), (2, "Sunday, 06-Nov-94 08:49:37 GMT"),
      (2, "Sun Nov  6 08:49:37 1994"), (3, "orders/a bé\"\\\u{1}\u{2028}😀\u{E0041}"),
      (3, "e\u{301}"),
    ]
    return texts.map { [$0] + Array($1.utf8) }
  }
}
