import MachineModel
import ProgressorAccess
import ProgressorServer
import Testing

@Suite("AuthorizationSetting")
struct AuthorizationSettingTests {
  private static func problem(_ text: String) -> String? {
    do throws(ConfigurationError) {
      _ = try AuthorizationSetting(text: text, path: "f")
      return nil
    } catch { return error.description }
  }

  /// A rule with a line in place of another.
  private static func rule(_ line: String, insteadOf key: String) -> String {
    let lines = [
      ("principals", "principals: [alice]"), ("namespaces", "namespaces: [pay-*]"),
      ("allow", "allow: [read]"),
    ].filter { $0.0 != key }.map(\.1)
    return "rules:\n- " + ([line] + lines).joined(separator: "\n  ")
  }

  @Test("Rules stand alone, in a configuration, or in a file that it names")
  func forms() throws {
    let rules = """
      rules:
        - principals: [alice, anonymous, uid:0]
          groups: [ops]
          namespaces: ["pay-*", orders]
          allow: [read, operate]
          payloads: hidden
        - {groups: [dev], namespaces: ["*"], allow: [drive, administer]}
      """
    let expected = [
      AccessRule(
        principals: ["alice", "anonymous", "uid:0"], groups: ["ops"],
        namespaces: [try Glob("pay-*"), try Glob("orders")], roles: [.read, .operate],
        payloads: .hidden),
      AccessRule(
        groups: ["dev"], namespaces: [try Glob("*")], roles: [.drive, .administer],
        payloads: .visible),
    ]
    #expect(try AuthorizationSetting(text: rules, path: "f") == .rules(expected))
    #expect(try AuthorizationSetting.rules(text: rules, path: "f") == expected)
    let indented = rules.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    let configuration = "lease: 10s\nauthorization:\n" + indented
    #expect(try AuthorizationSetting(text: configuration, path: "f") == .rules(expected))
    let named = "authorization: {file: /etc/rules.yaml}"
    #expect(try AuthorizationSetting(text: named, path: "f") == .file(path: "/etc/rules.yaml"))
    #expect(try AuthorizationSetting(text: "rules: []", path: "f") == .rules([]))
  }

  @Test(
    "What is not understood is an error with line and field",
    arguments: [
      ("", "", "f: must be a mapping"), ("[]", "", "f: must be a mapping"),
      ("{}", "", "f: has no rules"), ("rules: {}", "", "f:1: rules: must be a list"),
      ("rules: [alice]", "", "f:1: rules[0]: must be a mapping"),
      ("rules: []\nextra: 1", "", "f:2: extra: unknown key; known here are rules"),
      ("authorization: {}", "", "f:1: authorization: has neither"),
      ("authorization: {rules: [], file: x}", "", "f:1: authorization: has both"),
      ("authorization: {file: [x]}", "", "f:1: authorization.file: must be a path"),
      ("authorization: {file: ''}", "", "f:1: authorization.file: must be a path"),
      ("authorization:\n  rules:\n  - {}", "", "f:3: authorization.rules[0]: names nobody"),
      ("principal: [alice]", "principals", "f:2: rules[0].principal: unknown key"),
      ("principals: alice", "principals", "f:2: rules[0].principals: must be a list"),
      ("principals: []", "principals", "f:2: rules[0].principals: must be a list"),
      ("principals: [~]", "principals", "f:2: rules[0].principals[0]: must be a text"),
      ("principals: ['*']", "principals", "f:2: rules[0].principals[0]: names are taken"),
      (#"principals: ["a\0"]"#, "principals", "f:2: rules[0].principals[0]: a name has"),
      ("principals: [a, [b]]", "principals", "f:2: rules[0].principals[1]: must be a text"),
      ("namespaces:\n  - ok\n  - 'a[b]'", "namespaces", "f:4: rules[0].namespaces[1]: the pattern"),
      ("namespaces: ['']", "namespaces", "f:2: rules[0].namespaces[0]: must be a text"),
      ("allow: [read, write]", "allow", "f:2: rules[0].allow[1]: must be one of read, drive"),
      ("allow: [Read]", "allow", "f:2: rules[0].allow[0]: must be one of"),
      ("payloads: hide", "", "f:2: rules[0].payloads: must be one of visible, hidden"),
      ("payloads: ", "", "f:2: rules[0].payloads: must be visible or hidden"),
    ])
  func wrong(line: String, instead: String, message: String) {
    let isRule = !instead.isEmpty || line.hasPrefix("payloads")
    let problem = Self.problem(isRule ? Self.rule(line, insteadOf: instead) : line)
    #expect(problem?.hasPrefix(message) == true, "\(problem ?? "none")")
  }

  @Test(
    "A rule without namespaces or without allow is an error", arguments: ["namespaces", "allow"])
  func incomplete(key: String) {
    let text = Self.rule("payloads: hidden", insteadOf: key)
    #expect(Self.problem(text)?.hasPrefix("f:2: rules[0]: has no \(key)") == true)
  }

  @Test("A key twice is an error: one of them would count for nothing")
  func twice() {
    #expect(Self.problem(Self.rule("allow: [drive]", insteadOf: "")) != nil)
    #expect(Self.problem("rules: []\nrules: []") != nil)
  }

  @Test("Sizes have bounds: at them a file is read, beyond them refused")
  func bounds() {
    func list(_ count: Int) -> String { (0..<count).map { "n\($0)" }.joined(separator: ",") }
    let names = Self.rule("principals: [\(list(1_000))]", insteadOf: "principals")
    #expect(Self.problem(names) == nil)
    let more = Self.rule("principals: [\(list(10_000))]", insteadOf: "principals")
    #expect(Self.problem(more)?.contains("more than 1000") == true)
    let rule = "\n- {principals: [a], namespaces: ['*'], allow: [read]}"
    let rules = "rules:" + String(repeating: rule, count: 1_000)
    #expect(Self.problem(rules) == nil)
    #expect(Self.problem(rules + rule)?.hasPrefix("f:1002: rules[1000]: is one too many") == true)
    #expect(Self.problem("#" + String(repeating: "x", count: 4 << 20))?.contains("longer") == true)
  }

  @Test("A list that is repeated by its alias costs no more than all rules may have")
  func aliases() {
    let names = (0..<1_000).map { "n\($0)" }.joined(separator: ",")
    var text = "rules:\n- {principals: &p [\(names)], namespaces: [a], allow: [read]}"
    text += String(
      repeating: "\n- {principals: *p, namespaces: [a], allow: [read]}", count: 500)
    #expect(Self.problem(text)?.contains("rules[99]: is too much") == true)
  }

  @Test("A document that only nests is refused", arguments: ["[", "{a: ", "- "])
  func nesting(opening: String) {
    #expect(Self.problem(String(repeating: opening, count: 100_000)) != nil)
  }

  @Test("Names that look alike stay two")
  func lookalikes() throws {
    let text = Self.rule("principals: [caf\u{E9}, cafe\u{301}]", insteadOf: "principals")
    guard case .rules(let rules) = try AuthorizationSetting(text: text, path: "f") else {
      return #expect(Bool(false))
    }
    #expect(rules.first?.principals.count == 2)
  }
}
