import MachineModel
import ProgressorAccess
import ProgressorSinks
import Yams

/// Reads `sinks` of a YAML document.
struct SinksDocument {
  /// The most sinks of a node.
  static let maximumSinks = 16

  let document: RulesDocument

  /// - Parameter path: The file's name, as messages show it.
  init(path: String) { document = RulesDocument(path: path, prefix: "") }

  func sinks(_ node: Yams.Node) throws(ConfigurationError) -> [SinkSetting] {
    guard let sequence = node.sequence, sequence.count <= Self.maximumSinks else {
      throw ConfigurationError(
        place: YAMLTree.place(document.path, node, "sinks"),
        problem: "must be a list of \(Self.maximumSinks) sinks at most")
    }
    var sinks: [SinkSetting] = []
    for (index, item) in sequence.enumerated() {
      let field = "sinks[\(index)]"
      let place = YAMLTree.place(document.path, item, field)
      let sink = try sink(.init(node: item, field: field, place: place))
      if sinks.contains(where: { $0.name.isExactly(sink.name) }) {
        throw ConfigurationError(place: place, problem: "there are two sinks \"\(sink.name)\"")
      }
      sinks.append(sink)
    }
    return sinks
  }

  private func sink(_ member: RulesDocument.Member) throws(ConfigurationError) -> SinkSetting {
    let members = try mapping(member, ["name", "namespaces", "kinds", "kafka", "webhook"])
    guard let name = members["name"] else {
      throw ConfigurationError(place: member.place, problem: "has no name")
    }
    let target: SinkSetting.Target
    switch (members["kafka"], members["webhook"]) {
    case (let member?, nil): target = .kafka(try kafka(member))
    case (nil, let member?): target = .webhook(try webhook(member))
    case (nil, nil):
      throw ConfigurationError(place: member.place, problem: "has neither kafka nor webhook")
    case (_?, _?):
      throw ConfigurationError(
        place: member.place, problem: "has both kafka and webhook: make two sinks of it")
    }
    return SinkSetting(
      name: try self.name(name), namespaces: try namespaces(members["namespaces"]),
      kinds: try kinds(members["kinds"]), target: target)
  }

  private func name(_ member: RulesDocument.Member) throws(ConfigurationError) -> String {
    let name = try document.text(member, "must be a name")
    do throws(ProgressorError) { try MachineID.validate(name, field: "name") } catch {
      throw ConfigurationError(place: member.place, problem: error.message)
    }
    return name
  }

  private func namespaces(
    _ member: RulesDocument.Member?
  ) throws(ConfigurationError) -> [Glob] {
    guard let member else { return [] }
    return try document.list(member) { pattern throws(RulesDocument.Unfit) in
      do throws(Glob.Invalid) { return try Glob(pattern) } catch {
        throw RulesDocument.Unfit(problem: "the pattern \(error)")
      }
    }
  }

  private func kinds(
    _ member: RulesDocument.Member?
  ) throws(ConfigurationError) -> Set<FeedKind> {
    guard let member else { return [] }
    return Set(
      try document.list(member) { word throws(RulesDocument.Unfit) in
        switch word {
        case "created": .created
        case "event": .event
        case "status_changed": .statusChanged
        case "removed": .removed
        default:
          throw RulesDocument.Unfit(
            problem: "must be one of created, event, status_changed, removed, "
              + "not \"\(word.prefix(100))\"")
        }
      })
  }

  /// The members of a value that has to be a mapping.
  func mapping(
    _ member: RulesDocument.Member, _ known: [String]
  ) throws(ConfigurationError) -> [String: RulesDocument.Member] {
    guard let mapping = member.node.mapping else {
      throw ConfigurationError(
        place: member.place, problem: "must be a mapping of keys to values")
    }
    return try document.members(mapping, known: known, of: member.field + ".")
  }
}
