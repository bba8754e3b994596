import GRPC
import TransportSecurity
import Yams

/// Reads `listen` of a YAML document whose entries are mappings.
struct ListenerDocument {
  /// The most entries.
  static let maximumListeners = 100

  private let document: RulesDocument

  /// - Parameter path: the file's name, as messages show it.
  init(path: String) { document = RulesDocument(path: path, prefix: "") }

  /// Whether an entry is a mapping; if none is, the list is one of plain texts.
  static func hasMappings(_ node: Yams.Node) -> Bool {
    node.sequence?.contains { $0.mapping != nil } ?? false
  }

  func listeners(_ node: Yams.Node) throws(ConfigurationError) -> [ListenerSetting] {
    guard let sequence = node.sequence, sequence.count <= Self.maximumListeners else {
      throw ConfigurationError(
        place: YAMLTree.place(document.path, node, "listen"),
        problem: "must be a list of \(Self.maximumListeners) addresses at most")
    }
    var listeners: [ListenerSetting] = []
    for (index, item) in sequence.enumerated() {
      let field = "listen[\(index)]"
      let place = YAMLTree.place(document.path, item, field)
      listeners.append(
        try listener(.init(node: item, field: field, place: place)))
    }
    return listeners
  }

  private func listener(
    _ member: RulesDocument.Member
  ) throws(ConfigurationError) -> ListenerSetting {
    guard let mapping = member.node.mapping else {
      let text = try document.text(member, "must be an address, or a mapping with one")
      return ListenerSetting(try address(text, member.place))
    }
    let members = try document.members(
      mapping, known: ["address", "tls", "services"], of: member.field + ".")
    guard let given = members["address"] else {
      throw ConfigurationError(place: member.place, problem: "has no address")
    }
    var listener = ListenerSetting(
      try address(try document.text(given, "must be an address"), given.place))
    if let tls = members["tls"] { listener.tls = try self.tls(tls) }
    if let services = members["services"] { listener.services = try self.services(services) }
    return listener
  }

  private func address(
    _ text: String, _ place: String
  ) throws(ConfigurationError) -> ServerAddress {
    do { return try ServerAddress(parsing: text) } catch {
      throw ConfigurationError(place: place, problem: error.description)
    }
  }

  private func tls(_ member: RulesDocument.Member) throws(ConfigurationError) -> ListenerTLS {
    guard let mapping = member.node.mapping else {
      throw ConfigurationError(
        place: member.place, problem: "must be a mapping with certificate and key")
    }
    let members = try document.members(
      mapping, known: ["certificate", "key", "client_ca", "client_certificates"],
      of: member.field + ".")
    func path(_ name: String) throws(ConfigurationError) -> String? {
      guard let member = members[name] else { return nil }
      return try document.text(member, "must be a path")
    }
    var wanted: ServerCredentials.ClientCertificates?
    if let word = members["client_certificates"] {
      let problem = "must be none, optional or required"
      switch try document.text(word, problem) {
      case "none": wanted = ServerCredentials.ClientCertificates.none
      case "optional": wanted = .optional
      case "required": wanted = .required
      default: throw ConfigurationError(place: word.place, problem: problem)
      }
    }
    let (certificate, key) = (try path("certificate"), try path("key"))
    let clientCA = try path("client_ca")
    do throws(InvalidListener) {
      return try ListenerTLS(
        certificate: certificate, key: key, clientCA: clientCA, clientCertificates: wanted)
    } catch {
      throw ConfigurationError(place: member.place, problem: error.problem)
    }
  }

  private func services(
    _ member: RulesDocument.Member
  ) throws(ConfigurationError) -> Set<ListenerService> {
    let known = ListenerService.allCases.map(\.rawValue).joined(separator: ", ")
    guard let sequence = member.node.sequence, !sequence.isEmpty else {
      throw ConfigurationError(
        place: member.place, problem: "must be a list of one at least of \(known)")
    }
    var services: Set<ListenerService> = []
    for (index, node) in sequence.enumerated() {
      let field = "\(member.field)[\(index)]"
      let place = YAMLTree.place(document.path, node, field)
      let text = node.scalar?.string ?? ""
      guard let service = ListenerService.allCases.first(where: { $0.rawValue.isExactly(text) })
      else {
        throw ConfigurationError(
          place: place, problem: "must be one of \(known), not \"\(text.prefix(100))\"")
      }
      services.insert(service)
    }
    return services
  }
}
