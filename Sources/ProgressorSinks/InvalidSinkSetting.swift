/// What is wrong with a setting of a sink.
public struct InvalidSinkSetting: Error, Sendable, Hashable, CustomStringConvertible {
  /// Which of the target's settings, as the configuration calls it: `topic`, `properties`;
  /// empty = the only one there is.
  public var field: String
  /// What is wrong, to go on after it; without any secret.
  public var problem: String

  public init(_ problem: String, field: String = "") {
    self.problem = problem
    self.field = field
  }

  public var description: String { field.isEmpty ? problem : "\(field) \(problem)" }
}
