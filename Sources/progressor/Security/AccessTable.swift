import ProgressorAccess

/// What a policy allows to somebody, for people: the rules that mean them, and every method.
struct AccessTable {
  private let policy: AccessPolicy
  private let principal: Principal
  private let namespace: String?

  /// - Parameter namespace: nil = wherever they may do something.
  init(_ policy: AccessPolicy, _ principal: Principal, namespace: String?) {
    self.policy = policy
    self.principal = principal
    self.namespace = namespace
  }

  var text: TerminalText {
    let rules = AccessTable.aligned(
      [["NAMESPACES", "ROLES", "PAYLOADS"]] + policy.rules(for: principal).compactMap(row))
    let methods = AccessTable.aligned(
      [["METHOD", "ROLE", "DECISION", "NAMESPACES", "PAYLOADS"]]
        + MethodAccess.all.flatMap { rows("\($0.method.text)", $0.access) })
    return (rules + [""] + methods).joined(separator: "\n")
  }

  private func row(_ rule: AccessRule) -> [TerminalText]? {
    if let namespace, !rule.namespaces.contains(where: { $0.matches(namespace) }) { return nil }
    let roles = Role.allCases.filter(rule.roles.contains).map(\.rawValue)
    return [
      patterns(rule), "\(roles.joined(separator: ", "))", "\(rule.payloads.rawValue)",
    ]
  }

  /// Without a namespace each rule that allows the method has a row.
  private func rows(_ method: TerminalText, _ access: MethodAccess) -> [[TerminalText]] {
    let role: TerminalText =
      if case .role(let role) = access { "\(role.rawValue)" } else { "-" }
    switch policy.decide(principal, access) {
    case .open: return [[method, role, "open", "-", "-"]]
    case .denied: return [[method, role, "denied", "-", "-"]]
    case .unauthenticated: return [[method, role, "unauthenticated", "-", "-"]]
    case .allowed(let grant):
      guard let namespace else {
        return grant.rules.map { rule in
          [method, role, "allowed", patterns(rule), "\(rule.payloads.rawValue)"]
        }
      }
      guard let payloads = grant.payloads(in: namespace) else {
        return [[method, role, "denied", "-", "-"]]
      }
      return [[method, role, "allowed", "\(namespace)", "\(payloads.rawValue)"]]
    }
  }

  private func patterns(_ rule: AccessRule) -> TerminalText {
    rule.namespaces.map { "\($0)" as TerminalText }.joined(separator: ", ")
  }

  /// Lines whose columns begin under each other.
  private static func aligned(_ rows: [[TerminalText]]) -> [TerminalText] {
    let columns = rows.first?.indices ?? 0..<0
    let widths = columns.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell -> TerminalText in
        guard column < row.count - 1 else { return cell }
        let gap = widths[column] - cell.text.count + 2
        return cell + TerminalText(ours: String(repeating: " ", count: gap))
      }
      return cells.joined(separator: "")
    }
  }
}
