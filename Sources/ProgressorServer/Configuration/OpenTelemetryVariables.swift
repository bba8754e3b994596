import MachineModel

/// A text, and who gave it.
struct GivenText {
  let text: String
  /// The flag, the variable, or the file's line.
  let place: String

  func problem(_ problem: String) -> ConfigurationError {
    ConfigurationError(place: place, problem: problem)
  }

  /// `name=value,name=value`, as OpenTelemetry's variables have lists: spaces around names and
  /// values do not count, and values are percent-encoded (W3C Baggage, section 3.3).
  func pairs() throws(ConfigurationError) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    for part in text.utf8.split(separator: UInt8(ascii: ",")) {
      if part.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
      let sides = part.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = sides.first.map { GivenText.trimmed($0) } ?? ""
      guard sides.count == 2, !name.isEmpty, pairs.count < GivenText.maximumPairs,
        let value = GivenText.decoded(GivenText.trimmed(sides[1]))
      else { throw problem("must be NAME=VALUE,NAME=VALUE with values percent-encoded") }
      pairs.removeAll { $0.name.isExactly(name) }
      pairs.append((name, value))
    }
    return pairs
  }

  private static let maximumPairs = 128

  private static func trimmed(_ text: Substring.UTF8View) -> String {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
    return String(
      decoding: text.drop(while: isSpace).reversed().drop(while: isSpace).reversed(),
      as: UTF8.self)
  }

  /// nil = it is no text afterwards.
  private static func decoded(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%") {
        let digits = bytes[(index + 1)...].prefix(2)
        // A sign is a digit to no other program.
        guard digits.count == 2, !digits.contains(UInt8(ascii: "+")),
          let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        else { return nil }
        result.append(byte)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(validating: result, as: UTF8.self)
  }
}

/// The variables that OpenTelemetry has for all programs. An empty one is an unset one.
struct OpenTelemetryVariables {
  private let environment: [String: String]

  init(_ environment: [String: String]) {
    self.environment = environment.filter { $0.key.hasPrefix("OTEL_") && !$0.value.isEmpty }
  }

  /// The first of them that is there.
  func first(_ names: [String]) -> GivenText? {
    for name in names {
      if let text = environment[name] { return GivenText(text: text, place: name) }
    }
    return nil
  }

  /// The first of them that is there; nil = none is.
  func choice(_ words: [String], _ names: String...) throws(ConfigurationError) -> String? {
    guard let given = first(names) else { return nil }
    guard words.contains(given.text) else {
      throw given.problem(
        "must be one of \(words.joined(separator: ", ")) here, not \"\(given.text)\"")
    }
    return given.text
  }

  /// Whether it is `true`, in whatever case; anything else is not (OpenTelemetry, "Boolean").
  func isOn(_ name: String) -> Bool {
    environment[name]?.lowercased() == "true"
  }
}
