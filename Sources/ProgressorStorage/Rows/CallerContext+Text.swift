import MachineModel

extension CallerContext {
  /// The form in a text column, readable in psql: a line per entry, name and value with a tab
  /// between; backslash, tab, line feed and NUL are written as `\\`, `\t`, `\n`, `\0`. Who asks
  /// stands in a line of its own, under a name that no entry has: a node that does not know of it
  /// passes it over.
  var text: String {
    let who = principal.map { "\(Self.principalName)\t\(Self.escaped($0))\n" } ?? ""
    return who
      + entries.map { "\(Self.escaped($0.name))\t\(Self.escaped($0.value))\n" }.joined()
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
    var who: String?
    for entry in entries where entry.name.isExactly(Self.principalName) {
      guard who == nil, (1...Self.maximumPrincipalBytes).contains(entry.value.utf8.count) else {
        return nil
      }
      who = entry.value
    }
    self.init(entries, principal: who)
  }

  /// Of the line of who asks; `isCarried` lets nobody send it.
  private static let principalName = "progressor-principal"

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
