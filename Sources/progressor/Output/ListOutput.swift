import ProgressorProto

/// A list, printed as it comes: a line per element, or at its end all of them as JSON.
struct ListOutput {
  private let name: String
  private let json: Bool
  private var elements: [JSONValue] = []

  /// - Parameter name: The member of the JSON object that holds the elements.
  init(_ name: String, json: Bool) {
    self.name = name
    self.json = json
  }

  mutating func add(_ line: TerminalText, _ element: JSONValue) {
    if json { elements.append(element) } else { Output.print(line) }
  }

  func end() {
    if json { Output.print(JSONValue.object([.init(name, .array(elements))])) }
  }
}
