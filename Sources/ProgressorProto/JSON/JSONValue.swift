/// A small document of JSON (RFC 8259). Objects keep the order of their members.
public enum JSONValue: Sendable, Hashable {
  /// Members, in the order in which they are printed.
  case object([Member])
  case array([JSONValue])
  case string(String)
  /// A number in the form that it is printed in.
  case number(String)
  case bool(Bool)

  /// A member of an object.
  public struct Member: Sendable, Hashable {
    /// Its name, which nothing else in the object has.
    public let name: String
    /// What it holds.
    public let value: JSONValue

    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// An object without the members that are nil.
  public static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(members.compactMap { member in member.value.map { Member(member.key, $0) } })
  }

  /// 64-bit integers are strings in protobuf's JSON form, since JavaScript cannot hold them.
  public static func int64(_ number: Int64) -> JSONValue { .string(String(number)) }

  /// A number as it is.
  public static func int32(_ number: Int32) -> JSONValue { .number(String(number)) }

  /// Two spaces per level, a member or element per line.
  ///
  /// - Parameter indentation: What the lines behind the first begin with.
  public func text(indentation: String = "") -> String {
    let inner = indentation + "  "
    switch self {
    case .object(let members):
      if members.isEmpty { return "{}" }
      let lines = members.map {
        "\(inner)\(JSONWriter.quoted($0.name)): \($0.value.text(indentation: inner))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
    case .array(let elements):
      if elements.isEmpty { return "[]" }
      let lines = elements.map { inner + $0.text(indentation: inner) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
    case .string(let text): return JSONWriter.quoted(text)
    case .number(let text): return text
    case .bool(let value): return value ? "true" : "false"
    }
  }

  /// Without any space, on one line.
  public var line: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\(JSONWriter.quoted($0.name)):\($0.value.line)" }.joined(separator: ",")
        + "}"
    case .array(let elements): "[" + elements.map(\.line).joined(separator: ",") + "]"
    case .string, .number, .bool: text()
    }
  }
}
