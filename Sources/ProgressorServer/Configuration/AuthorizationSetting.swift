public import ProgressorAccess
import Yams

/// What a file says of who may do what.
public enum AuthorizationSetting: Sendable, Hashable {
  /// The rules stand there.
  case rules([AccessRule])
  /// They are in this file, which has `rules` and nothing else.
  case file(path: String)

  /// Reads YAML of either kind: a file of `rules`, or a server's configuration, of which only
  /// `authorization` counts; `path` names it in messages.
  public init(text: String, path: String) throws(ConfigurationError) {
    let root = try AuthorizationSetting.root(text, path)
    let section = root.first { $0.key.scalar?.string == "authorization" }
    guard let section else {
      self = .rules(try AuthorizationSetting.rules(of: root, path))
      return
    }
    try self.init(section.value, at: section.key, path: path)
  }

  /// The rules of a file that has nothing else.
  public static func rules(text: String, path: String) throws(ConfigurationError) -> [AccessRule] {
    try rules(of: try root(text, path), path)
  }

  /// Reads `authorization` of a configuration: `{rules: […]}` or `{file: PATH}`.
  init(_ node: Yams.Node, at key: Yams.Node, path: String) throws(ConfigurationError) {
    let place = YAMLTree.place(path, key, "authorization")
    guard let mapping = node.mapping else {
      throw ConfigurationError(place: place, problem: "must be a mapping with rules or file")
    }
    let document = RulesDocument(path: path, prefix: "authorization.")
    let members = try document.members(mapping, known: ["rules", "file"])
    switch (members["rules"], members["file"]) {
    case (let rules?, nil): self = .rules(try document.rules(rules))
    case (nil, let file?): self = .file(path: try document.text(file, "must be a path"))
    case (nil, nil): throw ConfigurationError(place: place, problem: "has neither rules nor file")
    case (_?, _?):
      throw ConfigurationError(place: place, problem: "has both rules and file: keep one")
    }
  }

  private static func root(
    _ text: String, _ path: String
  ) throws(ConfigurationError) -> Yams.Node.Mapping {
    guard text.utf8.count <= RulesDocument.maximumBytes else {
      throw ConfigurationError(
        place: path, problem: "is longer than \(RulesDocument.maximumBytes) bytes")
    }
    guard let mapping = try ConfigurationFile.compose(text, path: path)?.mapping else {
      throw ConfigurationError(place: path, problem: "must be a mapping with rules")
    }
    return mapping
  }

  private static func rules(
    of root: Yams.Node.Mapping, _ path: String
  ) throws(ConfigurationError) -> [AccessRule] {
    let document = RulesDocument(path: path, prefix: "")
    guard let rules = try document.members(root, known: ["rules"])["rules"] else {
      throw ConfigurationError(place: path, problem: "has no rules")
    }
    return try document.rules(rules)
  }
}
