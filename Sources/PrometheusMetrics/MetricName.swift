/// Names, texts and numbers as the text format wants them.
enum MetricName {
  /// A metric's name: `[a-zA-Z_:][a-zA-Z0-9_:]*`, anything else becomes `_`.
  static func metric(_ name: String) -> String { valid(name, colons: true) }

  /// A label's name: `[a-zA-Z_][a-zA-Z0-9_]*`, anything else becomes `_`.
  static func label(_ name: String) -> String { valid(name, colons: false) }

  private static func valid(_ name: String, colons: Bool) -> String {
    var result = ""
    for scalar in name.unicodeScalars {
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
      let isDigit = ("0"..."9").contains(scalar)
      if isDigit, result.isEmpty { result = "_" }
      let isValid = isLetter || isDigit || (colons && scalar == ":")
      result.unicodeScalars.append(isValid ? scalar : "_")
    }
    return result.isEmpty ? "_" : result
  }

  /// A label's value (with `quotes`) or a help text, so that it stays on its line.
  static func escaped(_ text: String, quotes: Bool) -> String {
    guard text.unicodeScalars.contains(where: { "\\\n\"".unicodeScalars.contains($0) }) else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    // Whole numbers as such; 2^53 is the last of which a Double knows each.
    if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return "\(Int64(value))" }
    return "\(value)"
  }
}
