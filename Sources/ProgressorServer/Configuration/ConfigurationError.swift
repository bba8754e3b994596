/// What is wrong with the configuration, as one line that names the place and what would be right.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Where the value came from: `--listen`, `PROGRESSOR_LISTEN`, `progressor.yaml:3: listen`.
  public let place: String
  /// What is wrong with it.
  public let problem: String

  /// `problem` goes on with "must …", "is …" or "has …". Both may quote what was given: control
  /// characters of it are written as `\n` or `\u{7}`.
  public init(place: String, problem: String) {
    self.place = ConfigurationError.inOneLine(place)
    self.problem = ConfigurationError.inOneLine(problem)
  }

  private static func inOneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: breaksLines) else { return text }
    return text.unicodeScalars.map { breaksLines($0) ? $0.escaped(asASCII: true) : String($0) }
      .joined()
  }

  private static func breaksLines(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  /// The place, a colon, the problem.
  public var description: String { "\(place): \(problem)" }
}
