import MachineModel

@testable import GRPC
@testable import ProgressorAccess
@testable import ProgressorServer

extension FuzzTarget {
  /// Files of tokens and of rules, patterns, and what callers show.
  static let access = FuzzTarget(
    name: "access", maximumBytes: 1_024, seeds: { AccessCheck.seeds },
    check: .atOnce { try AccessCheck($0).run() })
}

/// The first byte says what the rest is.
private struct AccessCheck {
  private let kind: UInt8
  private let input: FuzzInput

  init(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    kind = input.byte()
    self.input = input
  }

  func run() throws {
    switch kind % 4 {
    case 0: try checkTokens()
    case 1: try checkRules()
    case 2: try checkGlob()
    default: try checkBearer()
    }
  }

  private func checkTokens() throws {
    let file: TokenFile
    do throws(TokenFile.Problem) {
      file = try TokenFile(Array(input.rest))
    } catch {
      // It may stand in a log: what is in the file is secret.
      try demand(error.description.utf8.allSatisfy { $0 >= 0x20 }, "an error has several lines")
      return
    }
    let lines = input.rest.split(separator: UInt8(ascii: "\n"))
    try demand(file.count <= lines.count, "\(file.count) tokens on \(lines.count) lines")
    // A line's digest is no token, and nothing that stands in the file is.
    for line in lines {
      for field in line.split(separator: UInt8(ascii: " ")) where field.count > 32 {
        try demand(file.principal(showing: field) == nil, "what stands in the file is a token")
      }
    }
    try demand(file.principal(showing: [UInt8]()) == nil, "nothing is a token")
  }

  /// What the indexes of a policy say is what its rules say, one after the other.
  private func checkRules() throws {
    let rules: [AccessRule]
    do throws(ConfigurationError) {
      rules = try AuthorizationSetting.rules(text: input.text, path: "f.yaml")
    } catch {
      return
    }
    let policy = AccessPolicy(rules: rules)
    var principals = [Principal.anonymous, Principal.socketPeer(uid: 0)]
    for name in ["ann", "bob"] {
      principals += [Principal(credentials: .token, name: name, groups: ["ops"])].compactMap(\.self)
    }
    for principal in principals {
      let meant = rules.filter {
        $0.principals.contains(principal.name) || !$0.groups.isDisjoint(with: principal.groups)
      }
      try demand(policy.rules(for: principal) == meant, "other rules for \(principal.name.text)")
      for role in Role.allCases {
        try check(policy.decide(principal, .role(role)), meant.filter { $0.roles.contains(role) })
      }
      guard case .open = policy.decide(principal, .open) else {
        throw Violation(description: "what is open to all is closed")
      }
    }
  }

  private func check(_ decision: AccessDecision, _ rules: [AccessRule]) throws {
    for namespace in ["orders", "a-1", "*", "é"] {
      let visible = rules.filter { rule in
        rule.namespaces.contains { Self.matches(Array($0.description.unicodeScalars), namespace) }
      }
      var expected: PayloadVisibility?
      if !visible.isEmpty {
        expected = visible.contains { $0.payloads == .visible } ? .visible : visible[0].payloads
      }
      var found: PayloadVisibility?
      if case .allowed(let grant) = decision { found = grant.payloads(in: namespace) }
      try demand(found == expected, "\(namespace) is decided otherwise")
    }
  }

  /// A pattern in the first line, a text in the rest: the fast way finds what the slow one does.
  private func checkGlob() throws {
    let end = input.rest.firstIndex(of: UInt8(ascii: "\n")) ?? input.rest.endIndex
    let pattern = String(decoding: input.rest[..<end].prefix(64), as: UTF8.self)
    let text = String(decoding: input.rest[end...].dropFirst().prefix(128), as: UTF8.self)
    guard let glob = try? Glob(pattern) else { return }
    let scalars = Array(pattern.unicodeScalars)
    try demand(
      glob.matches(text) == Self.matches(scalars, text), "\(pattern) and \(text) match otherwise")
    if glob.matchesEverything { try demand(glob.matches(text), "\(pattern) is not for all") }
  }

  /// By the table of all beginnings of both: it takes their product.
  private static func matches(_ pattern: [Unicode.Scalar], _ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    // Whether what was read of the pattern stands for each beginning of the text.
    var reached = [true] + [Bool](repeating: false, count: text.count)
    var isEscaped = false
    for scalar in pattern {
      if scalar == "\\", !isEscaped {
        isEscaped = true
        continue
      }
      if scalar == "*", !isEscaped {
        for index in text.indices where reached[index] { reached[index + 1] = true }
        continue
      }
      let isAny = scalar == "?" && !isEscaped
      for index in text.indices.reversed() {
        reached[index + 1] = reached[index] && (isAny || text[index] == scalar)
      }
      reached[0] = false
      isEscaped = false
    }
    return reached[text.count]
  }

  /// Each line is a value of `authorization`.
  private func checkBearer() throws {
    var metadata = Metadata()
    for line in input.rest.split(separator: UInt8(ascii: "\n")) {
      metadata.receive(name: "authorization", value: line)
    }
    let shown = BearerToken(metadata)
    if metadata.isEmpty { try demand(shown == .none, "nothing is shown") }
    if case .token(let token) = shown {
      try demand(metadata.entries.count == 1, "several tokens are one")
      try demand(
        !token.isEmpty && token.allSatisfy { (0x21...0x7E).contains($0) }, "no token: \(token)")
    }
    let name = input.text
    if let principal = Principal(credentials: .certificate, name: name, groups: [name]) {
      try demand(
        principal.name.text.isExactly(name) && name.utf8.count <= Principal.maximumNameBytes
          && !name.utf8.starts(with: "uid:".utf8) && !name.isExactly("anonymous"),
        "\(name) is a principal")
    }
  }

  static var seeds: [[UInt8]] {
    let digest = "sha256:" + String(repeating: "ab", count: 32)
    let other = "sha256:" + String(repeating: "0C", count: 32)
    let rules = """
      rules:
        - principals: [ann, anonymous]
          groups: [ops]
          namespaces: ["a-*", "\\\\*"]
          allow: [read, operate]
          payloads: hidden
        - {principals: ["uid:0"], namespaces: ['?'], allow: [administer, drive]}
      """
    let texts: [(UInt8, String)] = [
      (0, "# tokens\nann \(digest) [ops,dev]\r\n\nbob\t\(other) a"),
      (1, rules), (2, "a*b?\\*\naxxbc*"), (2, "*\né"), (2, "**a**?*a\naaaa"),
      (3, "Bearer abc"), (3, "bEARER  x\nBearer y"), (3, "Basic abc"), (3, "uid:0"),
    ]
    return texts.map { [$0] + Array($1.utf8) }
  }
}
