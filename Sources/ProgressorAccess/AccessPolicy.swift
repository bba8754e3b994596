internal import MachineModel

/// Who may do what: nothing that no rule allows.
///
/// A call is decided in two stages. ``decide(_:_:)`` takes what is known before the request's body:
/// the caller and the method. ``AccessGrant/payloads(in:)`` takes the namespace, as soon as it is
/// known and before anything is looked up: so no answer tells whether a namespace or a machine is
/// there. The grant keeps the rules of its call: a policy that changes in between divides no call.
public struct AccessPolicy: Sendable {
  /// As they were given.
  public let rules: [AccessRule]
  /// Where in `rules` a principal is named.
  private let ofPrincipal: [ExactText: [Int]]
  /// Where in `rules` a group is named.
  private let ofGroup: [ExactText: [Int]]

  /// The order of rules means nothing: each can only allow more.
  public init(rules: [AccessRule]) {
    self.rules = rules
    var ofPrincipal: [ExactText: [Int]] = [:]
    var ofGroup: [ExactText: [Int]] = [:]
    for (index, rule) in rules.enumerated() {
      for name in rule.principals { ofPrincipal[name, default: []].append(index) }
      for group in rule.groups { ofGroup[group, default: []].append(index) }
    }
    self.ofPrincipal = ofPrincipal
    self.ofGroup = ofGroup
  }

  /// The rules that mean a principal, in their order. Costs their number, and the principal's
  /// groups'.
  public func rules(for principal: Principal) -> [AccessRule] {
    var indices = Set(ofPrincipal[principal.name] ?? [])
    for group in principal.groups { indices.formUnion(ofGroup[group] ?? []) }
    return indices.sorted().map { rules[$0] }
  }

  /// The first stage: whether the principal may call a method anywhere.
  ///
  /// - Parameter access: What the method asks, by ``MethodAccess/of(path:)``; nil = the method is
  ///   not known, and nobody's.
  public func decide(_ principal: Principal, _ access: MethodAccess?) -> AccessDecision {
    switch access {
    case .open: return .open
    case .role(let role):
      let rules = rules(for: principal).filter {
        $0.roles.contains(role) && !$0.namespaces.isEmpty
      }
      if !rules.isEmpty { return .allowed(AccessGrant(rules: rules)) }
      return principal.kind == .anonymous ? .unauthenticated : .denied
    case nil: return principal.kind == .anonymous ? .unauthenticated : .denied
    }
  }
}

/// What is said of a call before its body is read.
public enum AccessDecision: Sendable {
  /// Anybody may call the method.
  case open
  /// The caller may, in the namespaces of the grant.
  case allowed(AccessGrant)
  /// PERMISSION_DENIED: the caller is known, and no rule allows it.
  case denied
  /// UNAUTHENTICATED: no rule allows it to callers without credentials.
  case unauthenticated
}

/// What one call may do, by the rules that allow its method to its caller.
public struct AccessGrant: Sendable, Hashable {
  /// All of them allow the method to the caller.
  public let rules: [AccessRule]

  /// The second stage: whether the call may be about a namespace, and what it may show then; nil =
  /// PERMISSION_DENIED, whether or not there is such a namespace. Of several rules the one that
  /// shows more counts. Costs the rules' patterns times the name's length.
  public func payloads(in namespace: String) -> PayloadVisibility? {
    var best: PayloadVisibility?
    for rule in rules where best != .visible && rule.payloads != best {
      if rule.namespaces.contains(where: { $0.matches(namespace) }) { best = rule.payloads }
    }
    return best
  }

  /// Whether the call may be about every namespace: then it may hear that something is not there.
  public var coversEverything: Bool {
    rules.contains { $0.namespaces.contains(where: \.matchesEverything) }
  }
}
