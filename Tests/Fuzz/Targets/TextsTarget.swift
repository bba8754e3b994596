import MachineModel

@testable import GRPC
@testable import ProgressorServer
@testable import ProgressorStorage

extension FuzzTarget {
  /// Small texts of others: page tokens, traces, addresses, quantities, what is kept of them.
  static let texts = FuzzTarget(
    name: "texts", maximumBytes: 1_024, seeds: { TextsCheck.seeds },
    check: .atOnce { try TextsCheck($0).run() })
}

/// The first byte says what the rest is.
private struct TextsCheck {
  private let kind: UInt8
  private let text: String

  init(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    kind = input.byte()
    text = input.text
  }

  func run() throws {
    switch kind % 8 {
    case 0: try checkPageToken()
    case 1: try checkTraceparent()
    case 2: try checkCallerContext()
    case 3: try checkAddress()
    case 4: try checkQuantity()
    case 5: try checkSecret()
    case 6: try checkKeptText()
    default: try checkNames()
    }
  }

  private func checkPageToken() throws {
    let scope = ListScope(namespace: "n", status: .failed, idPrefix: "a")
    if (1...256).contains(text.utf8.count) {
      let token = PageToken.make(after: text, of: scope)
      let last = try PageToken.read(token, of: scope)
      try demand(last.isExactly(text), "a page token leads back to \(last)")
      let other = ListScope(namespace: "o", status: .failed, idPrefix: "a")
      try demand((try? PageToken.read(token, of: other)) == nil, "a token of another list is taken")
    }
    guard let last = try? PageToken.read(text, of: scope) else { return }
    let own = PageToken.make(after: last, of: scope)
    try demand(
      Base64.decode(own.utf8) == Base64.decode(text.utf8), "a page token that nobody made is taken")
  }

  private func checkTraceparent() throws {
    guard let span = SpanContext(traceparent: text) else { return }
    try demand(SpanContext(traceparent: span.traceparent) == span, "\(span) comes back otherwise")
    try demand(span.spanID != 0 && span.traceID != TraceID(high: 0, low: 0), "no span: \(text)")
    try demand(span.traceparent.utf8.count == 55, "\(span.traceparent) is no traceparent")
    let context = CallerContext([.init(name: "traceparent", value: text)])
    try demand(context.span == span, "a caller's span is another")
    try demand(context.within(span).span == span, "a caller within its span is in another")
  }

  /// Each line is an entry, with a tab between name and value; and all of it is the form in which
  /// the database has them.
  private func checkCallerContext() throws {
    let entries = text.split(separator: "\n").map { line in
      let sides = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
      return CallerContext.Entry(name: "x-\(sides[0])", value: String(sides.last ?? ""))
    }
    let principal = entries.first.map(\.value).flatMap {
      (1...CallerContext.maximumPrincipalBytes).contains($0.utf8.count) ? $0 : nil
    }
    try checkStored(CallerContext(entries, principal: principal))
    if let stored = CallerContext(text: text) { try checkStored(stored) }
  }

  private func checkStored(_ context: CallerContext) throws {
    guard let again = CallerContext(text: context.text) else {
      throw Violation(description: "\(context.text.debugDescription) cannot be read again")
    }
    let isSame =
      again.principal.map { ExactText($0) } == context.principal.map { ExactText($0) }
      && again.entries.map { ExactText($0.name) } == context.entries.map { ExactText($0.name) }
      && again.entries.map { ExactText($0.value) } == context.entries.map { ExactText($0.value) }
    try demand(isSame, "\(context) comes back as \(again)")
    let bytes = context.entries.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    try demand(bytes <= CallerContext.maximumBytes, "\(bytes) bytes are handed on")
  }

  private func checkAddress() throws {
    if let target = try? ChannelTarget(text) {
      try demand(try ChannelTarget(target.description) == target, "\(target) comes back otherwise")
      let authority = target.authority.utf8
      try demand(
        authority.allSatisfy { (0x21...0x7E).contains($0) }, "\(target.authority) is no authority")
    }
    if let address = try? ServerAddress(parsing: text), case .tcp(let host, let port) = address {
      try demand(!host.isEmpty && (0...65_535).contains(port), "no address: \(address)")
    }
    let given = GivenText(text: text, place: "here")
    if let url = try? CollectorURL(given, defaultPort: 4_317) {
      try demand((1...65_535).contains(url.port) && !url.host.isEmpty, "no collector: \(text)")
    }
    if let pairs = try? given.pairs() {
      try demand(pairs.count <= text.utf8.count, "more pairs than bytes")
    }
  }

  private func checkQuantity() throws {
    if let microseconds = Quantity.microseconds(text) {
      let again = Quantity.microseconds(Quantity.text(microseconds: microseconds))
      try demand(again == microseconds && microseconds >= 0, "\(text) comes back otherwise")
    }
    if let bytes = Quantity.bytes(text) {
      let again = Quantity.bytes(Quantity.text(bytes: bytes))
      try demand(again == bytes && bytes >= 0, "\(text) comes back otherwise")
    }
  }

  /// The input is a user, and what follows the password: it is never shown.
  private func checkSecret() throws {
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let user = String(parts[0])
    let rest = parts.count > 1 ? String(parts[1]) : ""
    let secret = "Pa55w0rd"
    if !user.contains(where: { "/@?#:".contains($0) }), !user.contains("=") {
      let url = "postgresql://\(user):\(secret)@\(rest)"
      let shown = SecretText.shown(url, of: "database.url")
      try demand(!shown.contains(secret), "\(url.debugDescription) shows a password: \(shown)")
    }
    if !user.utf8.contains(UInt8(ascii: "'")), !user.utf8.contains(UInt8(ascii: "\\")) {
      let words = "user=\(user) password='\(secret)' \(rest)"
      let shown = SecretText.shown(words, of: "database.url")
      try demand(!shown.contains(secret), "\(words.debugDescription) shows a password: \(shown)")
    }
    try demand(!SecretText.shown(secret, of: "x").contains(secret), "a secret is shown")
  }

  private func checkKeptText() throws {
    for limit in [0, 1, 3, 16, 64] {
      let kept = text.fitToKeep(utf8Bytes: limit)
      try demand(kept.utf8.count <= limit, "\(kept.utf8.count) bytes are kept of \(limit)")
      try demand(!kept.utf8.contains(0), "U+0000 is kept")
      try demand(kept.fitToKeep(utf8Bytes: limit).isExactly(kept), "\(kept) does not fit again")
    }
    let microseconds = text.utf8.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let time = Timestamp(microseconds: microseconds)
    try demand(time.rfc3339.hasSuffix("Z"), "no time: \(time.rfc3339)")
    for delta in [microseconds, -1, Int64.max] {
      let later = time.advanced(byMicroseconds: delta)
      try demand(later >= .earliest && later <= .latest, "\(later) is no time of the contract")
    }
  }

  private func checkNames() throws {
    let near = NearestName.to(text, among: ["lease", "listen", "log.level"])
    if let near { try demand(near.utf8.count <= 2 * text.utf8.count + 2, "\(near) is far away") }
    let isControl: (UInt8) -> Bool = { $0 < 0x20 || $0 == 0x7F }
    let expected = (1...256).contains(text.utf8.count) && !text.utf8.contains(where: isControl)
    let isID = (try? MachineID.validate(text, field: "id")) != nil
    try demand(isID == expected, "\(text.debugDescription) is an id: \(isID)")
  }

  static var seeds: [[UInt8]] {
    let scope = ListScope(namespace: "n", status: .failed, idPrefix: "a")
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let texts: [(UInt8, String)] = [
      (0, PageToken.make(after: "é1", of: scope)), (0, "m"), (1, parent),
      (1, "cc" + parent.dropFirst(2) + "-x"),
      (2, "a\tb\\n\nprogressor-principal\tann\nx-b\t\n"),
      (2, "x-a\tb\nprogressor-principal\tann\n"),
      (3, "dns:///h:1"), (3, "ipv6:[::1%lo]:50051"), (3, "unix:///run/a"), (3, "[::]:0"),
      (3, "https://h:4317/"), (3, "a=b%20c, d=e"), (4, "1h30m"), (4, "16MiB"), (4, "9999999d"),
      (5, "p\nh/d?sslmode=require&password=x"), (5, "p\nhost=h sslpassword = 'a\\'b'"),
      (6, "aé\u{0}😀"), (7, "leese"), (7, "заказ/№ 1"),
    ]
    return texts.map { [$0] + Array($1.utf8) }
  }
}
