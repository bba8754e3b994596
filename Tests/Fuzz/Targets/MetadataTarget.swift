import HTTP2
import NIOCore

@testable import GRPC

extension FuzzTarget {
  /// Header fields of calls and answers, and the encodings of their values.
  static let metadata = FuzzTarget(
    name: "metadata", maximumBytes: 2_048, seeds: { MetadataCheck.seeds },
    check: .atOnce { try MetadataCheck($0).run() })
}

/// The first byte says what the rest is: fields, one a line, name and value with `: ` between, or
/// the value of one.
private struct MetadataCheck {
  private let kind: UInt8
  private let bytes: ArraySlice<UInt8>

  init(_ input: [UInt8]) {
    var input = FuzzInput(input)
    kind = input.byte()
    bytes = input.rest
  }

  func run() throws {
    switch kind % 5 {
    case 0: try checkFields()
    case 1: try checkPercentEncoding()
    case 2: try checkBase64()
    case 3: try checkTimeout()
    default: try checkWords()
    }
  }

  private var fields: [(name: String, value: ArraySlice<UInt8>)] {
    bytes.split(separator: UInt8(ascii: "\n")).map { line in
      let colon = line.dropFirst().firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
      let value = line[colon...].dropFirst().drop { $0 == UInt8(ascii: " ") }
      return (String(decoding: line[..<colon], as: UTF8.self), value)
    }
  }

  private func checkFields() throws {
    var list = HeaderList()
    var metadata = Metadata()
    for (name, value) in fields {
      list.append(name, bytes: value)
      metadata.receive(name: name, value: value)
    }
    try demand(
      list.size == list.reduce(0) { $0 + $1.nameLength + $1.value.count + 32 },
      "a list counts itself otherwise")
    let head = RequestHead(list)
    try checkResend(head.metadata)
    if case .status(let status)? = head.refusal {
      try demand(status.message.utf8.count <= 4_096, "a refusal repeats all that came")
    }
    let answer = ResponseFields(list)
    try checkResend(answer.metadata)
    if let timeout = head.timeout {
      try demand(timeout.nanoseconds >= 0, "a timeout is negative")
      _ = Timeout.deadline(after: timeout, from: .now())
    }
    try checkResend(metadata)
    try checkAppending()
  }

  /// What is handed on is read as it was.
  private func checkResend(_ metadata: Metadata) throws {
    var again = Metadata()
    var size = 0
    var isLossless = true
    metadata.forEachField { name, value in
      isLossless = again.receive(name: name, value: value.utf8) && isLossless
      size += name.utf8.count + value.utf8.count + 32
    }
    try demand(isLossless && again == metadata, "\(metadata) comes back as \(again)")
    try demand(size == metadata.headerListSize, "metadata counts itself otherwise")
  }

  /// What an application may append arrives.
  private func checkAppending() throws {
    var metadata = Metadata()
    for (name, value) in fields {
      do throws(MetadataError) {
        try metadata.append(name, text: String(decoding: value, as: UTF8.self))
      } catch {}
      do throws(MetadataError) { try metadata.append(name, binary: Array(value)) } catch {}
    }
    try checkResend(metadata)
  }

  private func checkPercentEncoding() throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let encoded = PercentEncoding.encode(text)
    try demand(
      encoded.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(encoded) is no header field")
    try demand(
      encoded.utf8.first != 0x20 && encoded.utf8.last != 0x20, "HTTP would take a space off")
    let decoded = PercentEncoding.decode(encoded.utf8)
    try demand(decoded.utf8.elementsEqual(text.utf8), "\(text) comes back as \(decoded)")
    let foreign = PercentEncoding.decode(bytes)
    try demand(foreign.utf8.count <= 3 * bytes.count, "a text became longer than U+FFFD makes it")
  }

  private func checkBase64() throws {
    let encoded = Base64.encode(Array(bytes))
    try demand(encoded.utf8.count == Base64.encodedCount(bytes.count), "another length of base64")
    try demand(Base64.decode(encoded.utf8) == Array(bytes), "base64 comes back otherwise")
    guard let decoded = Base64.decode(bytes) else { return }
    let again = Base64.encode(decoded)
    try demand(Base64.decode(again.utf8) == decoded, "\(again) is decoded otherwise")
    try demand(decoded.count <= bytes.count, "base64 became longer")
  }

  private func checkTimeout() throws {
    guard let timeout = Timeout.parse(bytes) else { return }
    try demand(timeout.nanoseconds >= 0, "a timeout is negative")
    let text = Timeout.format(timeout)
    try demand(text.utf8.count <= 9, "\(text) has too many digits")
    guard let again = Timeout.parse(text.utf8) else {
      throw Violation(description: "\(text) is no timeout")
    }
    // Rounded up by less than one in 10^5, and never down, but for what no text can say.
    let exact = max(timeout.nanoseconds, 1)
    try demand(
      again.nanoseconds >= exact || text == "99999999H", "\(exact) ns became \(text)")
    try demand(
      (again.nanoseconds - exact) <= exact / 10_000, "\(exact) ns became \(text)")
    let now = NIODeadline.now()
    try demand(Timeout.deadline(after: timeout, from: now) >= now, "a deadline before its start")
  }

  private func checkWords() throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let trimmed = FieldName.trimmed(bytes)
    try demand(
      FieldName.trimmed(text).utf8.elementsEqual(String(decoding: trimmed, as: UTF8.self).utf8),
      "text and bytes are trimmed otherwise")
    if let code = StatusCode(headerValue: bytes) {
      try demand(StatusCode(headerValue: code.headerValue.utf8) == code, "\(code) comes back")
    }
    let encoding = MessageEncoding(headerValue: bytes)
    let chosen = MessageEncoding.negotiate(preferred: .gzip, accepted: bytes)
    if encoding == .gzip { try demand(chosen == .gzip, "gzip alone is not accepted") }
    _ = ResponseFields.ContentType(bytes)
    _ = StatusCode(name: text)
  }

  static var seeds: [[UInt8]] {
    let fields = """
      :method: POST
      :path: /a/b
      content-type: application/grpc+proto
      grpc-timeout: 100m
      grpc-encoding: gzip
      grpc-accept-encoding: identity, gzip
      x-text: a b
      x-bin: AAEC, AwQ=,
      authorization: Bearer a
      """
    let answer = """
      :status: 200
      content-type: application/grpc; charset=utf-8
      grpc-status: 5
      grpc-message: a%20b%C3%A9%
      grpc-status-details-bin: CAUSAWE
      grpc-retry-pushback-ms: 7
      """
    return [
      [0] + Array(fields.utf8), [0] + Array(answer.utf8), [1] + Array(" é %41%4 100% ".utf8),
      [2] + Array("AAECAw==".utf8), [2] + Array("/+8".utf8), [3] + Array("99999999H".utf8),
      [3] + Array("1n".utf8), [4] + Array(" identity, gzip".utf8), [4] + Array("gzip".utf8),
      [4] + Array("16".utf8),
    ]
  }
}
