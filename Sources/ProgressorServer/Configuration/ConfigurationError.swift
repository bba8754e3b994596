/// What is wrong with the configuration, as one line that names the place and what would be right.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Where the value came from: `--listen`, `PROGRESSOR_LISTEN`, `progressor.yaml:3: listen`.
  public let place: String
  /// What is wrong with it.
  public let problem: String

  /// `problem` goes on with "must …", "is …" or "has …" and has no line ends.
  public init(place: String, problem: String) {
    self.place = place
    self.problem = problem
  }

  /// The place, a colon, the problem.
  public var description: String { "\(place): \(problem)" }
}
