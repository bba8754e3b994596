import MachineModel

extension Safeguard {
  /// The SQL, in which another text stands for the safeguard when that is switched off: for tests
  /// of the tests, in debug builds only.
  func applied(to sql: String, replacing part: String, with other: String = "") -> String {
    #if DEBUG
      if !isOn { return sql.replacing(part, with: other, maxReplacements: 1) }
    #endif
    return sql
  }
}
