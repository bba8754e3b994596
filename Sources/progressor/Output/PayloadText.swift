import ProgressorProto

/// Bytes and texts of users, shown to people and programs.
enum PayloadText {
  /// One line for people: the text, or base64 with a mark when the bytes are no UTF-8.
  static func line(_ bytes: [UInt8]) -> TerminalText {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return "base64:\(PaddedBase64.encoded(bytes))"
    }
    return line(text)
  }

  /// One line for people.
  static func line(_ text: String) -> TerminalText {
    text.isEmpty ? "(empty)" : TerminalText(foreign: text)
  }

  /// What a processor answered, for a terminal: its own lines and tabs are kept.
  static func lines(_ bytes: [UInt8]) -> TerminalText {
    guard let text = String(validating: bytes, as: UTF8.self) else { return line(bytes) }
    return TerminalText(ours: TerminalText.escaped(text, keeping: ["\n", "\t"]))
  }

  /// `"NAME": "base64"`, and `"NAMEText"` beside it when the bytes are UTF-8.
  static func members(_ name: String, _ bytes: [UInt8]) -> [JSONValue.Member] {
    var members = [JSONValue.Member(name, .string(PaddedBase64.encoded(bytes)))]
    if let text = String(validating: bytes, as: UTF8.self) {
      members.append(JSONValue.Member(name == "data" ? "text" : name + "Text", .string(text)))
    }
    return members
  }
}
