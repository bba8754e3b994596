public import MachineModel

/// Some callers may do something in some namespaces.
public struct AccessRule: Sendable, Hashable {
  /// Names of principals, exactly.
  public var principals: Set<ExactText>
  /// Names of groups: who is in one of them is meant too.
  public var groups: Set<ExactText>
  /// In which namespaces: those that one of the patterns stands for.
  public var namespaces: [Glob]
  /// What they may do there.
  public var roles: Set<Role>
  /// Whether they see payloads in doing so.
  public var payloads: PayloadVisibility

  /// A rule that names nobody, or no namespace, allows nothing.
  public init(
    principals: Set<ExactText> = [], groups: Set<ExactText> = [], namespaces: [Glob],
    roles: Set<Role>, payloads: PayloadVisibility = .visible
  ) {
    self.principals = principals
    self.groups = groups
    self.namespaces = namespaces
    self.roles = roles
    self.payloads = payloads
  }
}
