import MachineModel
import ProgressorAccess
import Yams

/// Reads `rules` of a YAML document. What is not understood is an error that names line and field:
/// a rule that is half understood allows too much or too little, and nobody notices.
struct RulesDocument {
  /// The most bytes of a file.
  static let maximumBytes = 4 << 20
  /// The most rules.
  static let maximumRules = 1_000
  /// The most names or patterns of one list.
  static let maximumNames = 1_000
  /// The most names and patterns of all rules: an alias can repeat a list in few bytes.
  static let maximumNamesOfAll = 100_000

  /// The file's name, as messages show it.
  let path: String
  /// What stands before `rules` in the names of fields.
  let prefix: String

  /// A value and where it stands.
  struct Member {
    let node: Yams.Node
    /// `rules[2].allow`.
    let field: String
    /// File, line and field.
    let place: String
  }

  /// The members of a mapping, all of which must be known.
  func members(
    _ mapping: Yams.Node.Mapping, known: [String], of parent: String = ""
  ) throws(ConfigurationError) -> [String: Member] {
    var members: [String: Member] = [:]
    for (key, node) in mapping {
      let name = key.scalar?.string ?? "?"
      let field = prefix + parent + name
      let place = YAMLTree.place(path, key, field)
      guard let match = known.first(where: { $0.isExactly(name) }) else {
        throw ConfigurationError(
          place: place, problem: "unknown key; known here are " + known.joined(separator: ", "))
      }
      members[match] = Member(node: node, field: field, place: place)
    }
    return members
  }

  func rules(_ member: Member) throws(ConfigurationError) -> [AccessRule] {
    guard let sequence = member.node.sequence else {
      throw ConfigurationError(place: member.place, problem: "must be a list of rules")
    }
    var rules: [AccessRule] = []
    var names = 0
    for (index, node) in sequence.enumerated() {
      let item = item(node, index, of: member)
      if index == Self.maximumRules {
        throw ConfigurationError(
          place: item.place, problem: "is one too many: \(Self.maximumRules) rules at most")
      }
      let rule = try rule(item, name: "rules[\(index)].")
      names += rule.principals.count + rule.groups.count + rule.namespaces.count
      if names > Self.maximumNamesOfAll {
        throw ConfigurationError(
          place: item.place,
          problem: "is too much: all rules have \(Self.maximumNamesOfAll) names at most")
      }
      rules.append(rule)
    }
    return rules
  }

  /// The text of a value that is one.
  func text(_ member: Member, _ expected: String) throws(ConfigurationError) -> String {
    guard let scalar = member.node.scalar, member.node.tag != Tag(.null), !scalar.string.isEmpty
    else { throw ConfigurationError(place: member.place, problem: expected) }
    return scalar.string
  }

  private func rule(_ member: Member, name: String) throws(ConfigurationError) -> AccessRule {
    guard let mapping = member.node.mapping else {
      throw ConfigurationError(place: member.place, problem: "must be a mapping of keys to values")
    }
    let members = try members(
      mapping, known: ["principals", "groups", "namespaces", "allow", "payloads"], of: name)
    let principals = try names(members["principals"])
    let groups = try names(members["groups"])
    guard members["principals"] != nil || members["groups"] != nil else {
      throw ConfigurationError(
        place: member.place, problem: "names nobody: give principals, groups or both")
    }
    guard let namespaces = members["namespaces"] else {
      throw ConfigurationError(
        place: member.place, problem: "has no namespaces: write [\"*\"] for all of them")
    }
    guard let allow = members["allow"] else {
      throw ConfigurationError(place: member.place, problem: "has no allow: it would do nothing")
    }
    return AccessRule(
      principals: principals, groups: groups,
      namespaces: try list(namespaces) { pattern throws(Unfit) in
        do throws(Glob.Invalid) { return try Glob(pattern) } catch {
          throw Unfit(problem: "the pattern \(error)")
        }
      },
      roles: Set(try list(allow) { word throws(Unfit) in try choice(word) as Role }),
      payloads: try payloads(members["payloads"]))
  }

  private func payloads(_ member: Member?) throws(ConfigurationError) -> PayloadVisibility {
    guard let member else { return .visible }
    let word = try text(member, "must be visible or hidden")
    do throws(Unfit) { return try choice(word) } catch {
      throw ConfigurationError(place: member.place, problem: error.problem)
    }
  }

  private func names(_ member: Member?) throws(ConfigurationError) -> Set<ExactText> {
    guard let member else { return [] }
    return Set(
      try list(member) { name throws(Unfit) in
        guard Principal.isName(name) else {
          throw Unfit(
            problem: "a name has 1 to \(Principal.maximumNameBytes) bytes, no control characters")
        }
        guard !name.isExactly("*") else {
          throw Unfit(problem: "names are taken as they are, * stands for nobody")
        }
        return ExactText(name)
      })
  }

  /// Why a text of a list cannot stand there.
  struct Unfit: Error { let problem: String }

  private func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ word: String
  ) throws(Unfit) -> Choice {
    guard let choice = Choice.allCases.first(where: { $0.rawValue.isExactly(word) }) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw Unfit(problem: "must be one of \(words), not \"\(word.prefix(100))\"")
    }
    return choice
  }

  /// A list of one text at least, each read by `read`.
  func list<Element>(
    _ member: Member, _ read: (String) throws(Unfit) -> Element
  ) throws(ConfigurationError) -> [Element] {
    guard let sequence = member.node.sequence, !sequence.isEmpty else {
      throw ConfigurationError(
        place: member.place, problem: "must be a list of one text at least")
    }
    guard sequence.count <= Self.maximumNames else {
      throw ConfigurationError(
        place: member.place, problem: "has more than \(Self.maximumNames) members")
    }
    var elements: [Element] = []
    for (index, node) in sequence.enumerated() {
      let item = item(node, index, of: member)
      let text = try text(item, "must be a text")
      do throws(Unfit) { elements.append(try read(text)) } catch {
        throw ConfigurationError(place: item.place, problem: error.problem)
      }
    }
    return elements
  }

  private func item(_ node: Yams.Node, _ index: Int, of list: Member) -> Member {
    let field = "\(list.field)[\(index)]"
    return Member(node: node, field: field, place: YAMLTree.place(path, node, field))
  }
}
