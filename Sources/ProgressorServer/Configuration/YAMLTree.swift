import Yams

/// A YAML mapping flattened to the values at its leaves, each with its line.
struct YAMLTree {
  struct Leaf {
    /// One text of a scalar, all of a sequence's.
    var texts: [String]
    var isSequence: Bool
    var place: String
  }

  /// By path, joined by dots.
  private(set) var leaves: [String: Leaf] = [:]

  /// The file's name, as messages show it.
  private let file: String
  private let keys: Set<String>

  /// Flattens `node`. Every path must be one of `keys`, or lead to one.
  init(_ node: Yams.Node, file: String, keys: some Sequence<String>) throws(ConfigurationError) {
    self.file = file
    self.keys = Set(keys)
    guard let mapping = node.mapping else {
      throw ConfigurationError(
        place: YAMLTree.place(file, node, nil), problem: "must be a mapping of keys to values")
    }
    try descend(mapping, prefix: "")
  }

  /// `progressor.yaml:3: lease`.
  static func place(_ file: String, _ node: Yams.Node, _ key: String?) -> String {
    var text = file
    if let line = node.mark?.line { text += ":\(line)" }
    if let key { text += ": \(key)" }
    return text
  }

  private mutating func descend(
    _ mapping: Yams.Node.Mapping, prefix: String
  ) throws(ConfigurationError) {
    for (keyNode, node) in mapping {
      let key = prefix + (keyNode.scalar?.string ?? "?")
      let place = YAMLTree.place(file, keyNode, key)
      if keys.contains(key) {
        leaves[key] = try leaf(node, place: place)
      } else if keys.contains(where: { $0.hasPrefix(key + ".") }) {
        guard let group = node.mapping else {
          throw ConfigurationError(place: place, problem: "must be a mapping of keys to values")
        }
        try descend(group, prefix: key + ".")
      } else {
        throw ConfigurationError(place: place, problem: unknownKey(key, prefix: prefix))
      }
    }
  }

  private func leaf(_ node: Yams.Node, place: String) throws(ConfigurationError) -> Leaf {
    if let scalar = node.scalar {
      if node.tag == Tag(.null) { throw ConfigurationError(place: place, problem: "has no value") }
      return Leaf(texts: [scalar.string], isSequence: false, place: place)
    }
    guard let sequence = node.sequence else {
      throw ConfigurationError(place: place, problem: "must be a value, not a mapping")
    }
    var texts: [String] = []
    for item in sequence {
      guard let scalar = item.scalar else {
        throw ConfigurationError(place: place, problem: "must be a list of plain values")
      }
      texts.append(scalar.string)
    }
    return Leaf(texts: texts, isSequence: true, place: place)
  }

  private func unknownKey(_ key: String, prefix: String) -> String {
    let siblings = Set(
      keys.filter { $0.hasPrefix(prefix) }
        .map { prefix + $0.dropFirst(prefix.count).prefix { $0 != "." } })
    // One that is right and stands at the wrong level, or one that is nearly right.
    let misplaced = keys.filter { $0.hasSuffix("." + key.dropFirst(prefix.count)) }.min()
    let meant = misplaced ?? NearestName.to(key, among: siblings)
    let suggestion = meant.map { " (did you mean \($0)?)" } ?? ""
    let known = siblings.map { $0.dropFirst(prefix.count) }.sorted().joined(separator: ", ")
    return "unknown key\(suggestion); known here are \(known)"
  }
}
