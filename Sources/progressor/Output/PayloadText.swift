import GRPC

/// Bytes of users, shown to people and programs.
enum PayloadText {
  /// The text, if the bytes are UTF-8 without control characters that would disturb a terminal.
  static func printable(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      scalar == "\n" || scalar == "\t"
        || !(scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value))
    }
    return isPlain ? text : nil
  }

  /// One line for people: the text, or base64 with a mark.
  static func line(_ bytes: [UInt8]) -> String {
    if bytes.isEmpty { return "(empty)" }
    guard let text = printable(bytes) else { return "base64:" + base64(bytes) }
    return text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
  }

  /// `"NAME": "base64"`, and `"NAMEText"` beside it when the bytes are UTF-8.
  static func members(_ name: String, _ bytes: [UInt8]) -> [JSONValue.Member] {
    var members = [JSONValue.Member(name, .string(base64(bytes)))]
    if let text = String(validating: bytes, as: UTF8.self) {
      members.append(JSONValue.Member(name == "data" ? "text" : name + "Text", .string(text)))
    }
    return members
  }

  /// Padded, as protobuf's JSON form has it.
  static func base64(_ bytes: [UInt8]) -> String {
    let text = Base64.encode(bytes)
    return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
  }
}
