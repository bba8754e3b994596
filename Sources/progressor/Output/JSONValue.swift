import ProgressorServer

/// JSON to print. Objects keep the order of their members.
enum JSONValue: Sendable, Hashable {
  case object([Member])
  case array([JSONValue])
  case string(String)
  /// A number in the form that it is printed in.
  case number(String)
  case bool(Bool)

  struct Member: Sendable, Hashable {
    let name: String
    let value: JSONValue

    init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// An object without the members that are nil.
  static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(members.compactMap { member in member.value.map { Member(member.key, $0) } })
  }

  /// 64-bit integers are strings in protobuf's JSON form, since JavaScript cannot hold them.
  static func int64(_ number: Int64) -> JSONValue { .string(String(number)) }

  static func int32(_ number: Int32) -> JSONValue { .number(String(number)) }

  /// Two spaces per level, a member or element per line.
  func text(indentation: String = "") -> String {
    let inner = indentation + "  "
    switch self {
    case .object(let members):
      if members.isEmpty { return "{}" }
      let lines = members.map {
        "\(inner)\(JSONValue.quoted($0.name)): \($0.value.text(indentation: inner))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
    case .array(let elements):
      if elements.isEmpty { return "[]" }
      let lines = elements.map { inner + $0.text(indentation: inner) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
    case .string(let text): return JSONValue.quoted(text)
    case .number(let text): return text
    case .bool(let value): return value ? "true" : "false"
    }
  }

  /// Without any space, on one line.
  var line: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\(JSONValue.quoted($0.name)):\($0.value.line)" }.joined(separator: ",")
        + "}"
    case .array(let elements): "[" + elements.map(\.line).joined(separator: ",") + "]"
    case .string, .number, .bool: text()
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = [UInt8(ascii: "\"")]
    result.reserveCapacity(text.utf8.count + 2)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\"".utf8
      case "\\": result += "\\\\".utf8
      case "\n": result += "\\n".utf8
      case "\r": result += "\\r".utf8
      case "\t": result += "\\t".utf8
      case _ where scalar.steersText && scalar.value <= 0xFFFF:
        let digits = String(scalar.value, radix: 16)
        result += "\\u".utf8
        result += repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
        result += digits.utf8
      default: result += UTF8.bytes(of: scalar)
      }
    }
    result.append(UInt8(ascii: "\""))
    return String(decoding: result, as: UTF8.self)
  }
}
