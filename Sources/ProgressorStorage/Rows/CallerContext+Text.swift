import MachineModel

extension CallerContext {
  /// The form in a text column, readable in psql: a line per entry, name and value with a tab
  /// between; backslash, tab, line feed and NUL are written as `\\`, `\t`, `\n`, `\0`.
  var text: String {
    entries.map { "\(Self.escaped($0.name))\t\(Self.escaped($0.value))\n" }.joined()
  }

  /// Reads that form; nil when `text` is not of it.
  init?(text: String) {
    var entries: [Entry] = []
    var fields: [String] = []
    var field = ""
    var isEscaped = false
    for scalar in text.unicodeScalars {
      if isEscaped {
        guard let meant = Self.escapes[scalar] else { return nil }
        field.unicodeScalars.append(meant)
        isEscaped = false
        continue
      }
      switch scalar {
      case "\\":
        isEscaped = true
      case "\t":
        fields.append(field)
        field = ""
      case "\n":
        guard fields.count == 1 else { return nil }
        entries.append(Entry(name: fields[0], value: field))
        (fields, field) = ([], "")
      default:
        field.unicodeScalars.append(scalar)
      }
    }
    guard !isEscaped, fields.isEmpty, field.isEmpty else { return nil }
    self.init(entries)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\\": "\\", "t": "\t", "n": "\n", "0": "\0",
  ]

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if let escape = escapes.first(where: { $0.value == scalar }) {
        result += "\\\(escape.key)"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
