import MachineModel
import ProgressorAccess
import Testing

@Suite("AccessPolicy")
struct AccessPolicyTests {
  private static func rule(
    _ principals: [String] = [], groups: [String] = [], in patterns: String..., may roles: Role...,
    payloads: PayloadVisibility = .visible
  ) throws -> AccessRule {
    AccessRule(
      principals: Set(principals.map { ExactText($0) }), groups: Set(groups.map { ExactText($0) }),
      namespaces: try patterns.map { pattern throws(Glob.Invalid) in try Glob(pattern) },
      roles: Set(roles), payloads: payloads)
  }

  private static func principal(_ name: String, groups: String...) throws -> Principal {
    try #require(Principal(credentials: .token, name: name, groups: groups))
  }

  private static func payloads(
    _ policy: AccessPolicy, _ principal: Principal, _ role: Role, in namespace: String
  ) -> PayloadVisibility? {
    guard case .allowed(let grant) = policy.decide(principal, .role(role)) else { return nil }
    return grant.payloads(in: namespace)
  }

  @Test("Without rules nobody may do anything but what is open")
  func nothing() throws {
    let policy = AccessPolicy(rules: [])
    for role in Role.allCases {
      guard case .unauthenticated = policy.decide(.anonymous, .role(role)) else {
        return #expect(Bool(false), "\(role)")
      }
      for known in [try Self.principal("a"), .socketPeer(uid: 0)] {
        guard case .denied = policy.decide(known, .role(role)) else {
          return #expect(Bool(false), "\(role) of \(known)")
        }
      }
    }
    guard case .open = policy.decide(.anonymous, .open) else { return #expect(Bool(false)) }
    guard case .unauthenticated = policy.decide(.anonymous, nil),
      case .denied = policy.decide(.socketPeer(uid: 0), nil)
    else { return #expect(Bool(false)) }
  }

  @Test("Every role is its own: none includes another", arguments: Role.allCases)
  func roles(role: Role) throws {
    let policy = AccessPolicy(rules: [try Self.rule(["a"], in: "n", may: role)])
    let principal = try Self.principal("a")
    for other in Role.allCases {
      let payloads = Self.payloads(policy, principal, other, in: "n")
      #expect((payloads != nil) == (other == role))
    }
  }

  @Test("A rule means those it names and those in its groups, and nobody else")
  func subjects() throws {
    let policy = AccessPolicy(rules: [
      try Self.rule(["a", "uid:7"], groups: ["ops"], in: "n", may: .read)
    ])
    let allowed = [
      try Self.principal("a"), try Self.principal("b", groups: "x", "ops"), .socketPeer(uid: 7),
    ]
    let denied = [
      try Self.principal("b"), try Self.principal("ops"), try Self.principal("b", groups: "a"),
      try Self.principal("A"), .socketPeer(uid: 0), .anonymous,
    ]
    for one in allowed { #expect(Self.payloads(policy, one, .read, in: "n") == .visible) }
    for one in denied { #expect(Self.payloads(policy, one, .read, in: "n") == nil) }
  }

  @Test("A rule for anonymous is for callers without credentials, and for them alone")
  func anonymous() throws {
    let policy = AccessPolicy(rules: [try Self.rule(["anonymous"], in: "public-*", may: .read)])
    #expect(Self.payloads(policy, .anonymous, .read, in: "public-a") == .visible)
    // The method is allowed, so credentials are not what is missing: denied in the second stage.
    #expect(Self.payloads(policy, .anonymous, .read, in: "private") == nil)
    guard case .allowed = policy.decide(.anonymous, .role(.read)),
      case .unauthenticated = policy.decide(.anonymous, .role(.drive)),
      case .denied = policy.decide(try Self.principal("a"), .role(.read))
    else { return #expect(Bool(false)) }
  }

  @Test("Namespaces are compared by their bytes")
  func lookalikes() throws {
    let policy = AccessPolicy(rules: [
      try Self.rule(["caf\u{E9}"], groups: ["\u{E9}"], in: "caf\u{E9}", may: .read)
    ])
    let composed = try Self.principal("caf\u{E9}")
    #expect(Self.payloads(policy, composed, .read, in: "caf\u{E9}") == .visible)
    #expect(Self.payloads(policy, composed, .read, in: "cafe\u{301}") == nil)
    #expect(Self.payloads(policy, composed, .read, in: "caf\u{E9}\u{0}") == nil)
    let others = [
      try Self.principal("cafe\u{301}"), try Self.principal("x", groups: "e\u{301}"),
    ]
    for other in others { #expect(Self.payloads(policy, other, .read, in: "caf\u{E9}") == nil) }
  }

  @Test("What shows more counts, of the rules that allow the method in the namespace")
  func payloads() throws {
    let policy = AccessPolicy(rules: [
      try Self.rule(["a"], in: "*", may: .read, .operate, payloads: .hidden),
      try Self.rule(["a"], in: "mine", "ours-*", may: .read),
      try Self.rule(["a"], in: "*", may: .drive),
    ])
    let a = try Self.principal("a")
    #expect(Self.payloads(policy, a, .read, in: "theirs") == .hidden)
    #expect(Self.payloads(policy, a, .read, in: "mine") == .visible)
    #expect(Self.payloads(policy, a, .read, in: "ours-1") == .visible)
    #expect(Self.payloads(policy, a, .operate, in: "mine") == .hidden)
    #expect(Self.payloads(policy, a, .drive, in: "theirs") == .visible)
  }

  @Test("A rule that names no namespace, no role or nobody allows nothing")
  func empty() throws {
    let policy = AccessPolicy(rules: [
      try Self.rule(["a"], may: .read), try Self.rule(["a"], in: "*"), try Self.rule(in: "*"),
    ])
    guard case .denied = policy.decide(try Self.principal("a"), .role(.read)) else {
      return #expect(Bool(false))
    }
  }

  @Test("A grant covers everything by one pattern, and only of a rule that allows the method")
  func everything() throws {
    let policy = AccessPolicy(rules: [
      try Self.rule(["a"], in: "x", "*", may: .read), try Self.rule(["a"], in: "*x", may: .drive),
    ])
    for (role, covers) in [(Role.read, true), (.drive, false)] {
      guard case .allowed(let grant) = policy.decide(try Self.principal("a"), .role(role)) else {
        return #expect(Bool(false))
      }
      #expect(grant.coversEverything == covers)
    }
  }

  @Test("Methods have roles, by their whole path")
  func methods() {
    #expect(MethodAccess.of(path: "/progressor.v1.Automaton/Get") == .role(.read))
    #expect(MethodAccess.of(path: "/progressor.v1.Automaton/Notify") == .role(.drive))
    #expect(MethodAccess.of(path: "/progressor.v1.RepairJobs/Create") == .role(.operate))
    #expect(MethodAccess.of(path: "/progressor.v1.Namespaces/Update") == .role(.administer))
    #expect(MethodAccess.of(path: "/grpc.health.v1.Health/Watch") == .open)
    for path in [
      "", "/", "progressor.v1.Automaton/Get", "//progressor.v1.Automaton/Get",
      "/progressor.v1.Automaton/get", "/progressor.v1.Automaton/Get/",
      "/progressor.v1.Automaton/Get\u{0}", "/\u{301}progressor.v1.Automaton/Get",
      "/progressor.v1.Processor/ProcessCall",
    ] { #expect(MethodAccess.of(path: path) == nil, "\(path)") }
  }
}
