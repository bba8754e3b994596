import ProgressorSinks
import Yams

// Where entries go.

extension SinksDocument {
  private static let maximumSecretBytes = 1 << 10
  private static let maximumTimeout: Duration = .seconds(300)
  private static let maximumBatch = 1_000

  func webhook(_ member: RulesDocument.Member) throws(ConfigurationError) -> WebhookSetting {
    let members = try mapping(member, ["url", "secret", "secret_file", "timeout", "batch"])
    guard let given = members["url"] else {
      throw ConfigurationError(place: member.place, problem: "has no url")
    }
    let url = try document.text(given, "must be a URL")
    do throws(WebhookURLError) { _ = try WebhookURL(url) } catch {
      throw ConfigurationError(place: given.place, problem: error.description)
    }
    var webhook = WebhookSetting(url: url)
    webhook.secret = try secret(members["secret"], members["secret_file"], of: member)
    if let member = members["timeout"] {
      let expected = "must be a duration such as 10s, from 1ms to 5m"
      guard let microseconds = Quantity.microseconds(try document.text(member, expected)) else {
        throw ConfigurationError(place: member.place, problem: expected)
      }
      webhook.timeout = .microseconds(microseconds)
      guard webhook.timeout >= .milliseconds(1), webhook.timeout <= Self.maximumTimeout else {
        throw ConfigurationError(place: member.place, problem: expected)
      }
    }
    if let member = members["batch"] {
      let expected = "must be a whole number from 1 to \(Self.maximumBatch)"
      guard let batch = Int(try document.text(member, expected)),
        (1...Self.maximumBatch).contains(batch)
      else { throw ConfigurationError(place: member.place, problem: expected) }
      webhook.batch = batch
    }
    return webhook
  }

  /// What is wrong with it is said without it.
  private func secret(
    _ given: RulesDocument.Member?, _ file: RulesDocument.Member?, of webhook: RulesDocument.Member
  ) throws(ConfigurationError) -> WebhookSecret? {
    let member: RulesDocument.Member
    let text: String
    switch (given, file) {
    case (nil, nil): return nil
    case (_?, _?):
      throw ConfigurationError(
        place: webhook.place, problem: "has both secret and secret_file: keep one")
    case (let given?, nil):
      member = given
      text = try document.text(given, "must be a secret, whsec_…")
    case (nil, let file?):
      member = file
      text = try contents(of: file)
    }
    do throws(WebhookSecretError) { return try WebhookSecret(text) } catch {
      throw ConfigurationError(place: member.place, problem: error.description)
    }
  }

  private func contents(of member: RulesDocument.Member) throws(ConfigurationError) -> String {
    let path = try document.text(member, "must be a path")
    do throws(ConfigurationError) {
      let bytes = try AccessFile(path: path)
        .read(maximumBytes: Self.maximumSecretBytes, isSecret: true).bytes
      // Editors end a line.
      return String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
    } catch {
      throw ConfigurationError(place: member.place, problem: "\(error)")
    }
  }

  func kafka(_ member: RulesDocument.Member) throws(ConfigurationError) -> KafkaSetting {
    let members = try mapping(member, ["brokers", "topic", "format", "properties"])
    guard let brokers = members["brokers"] else {
      throw ConfigurationError(place: member.place, problem: "has no brokers")
    }
    var kafka = KafkaSetting(brokers: try self.brokers(brokers))
    if let member = members["topic"] { kafka.topic = try document.text(member, "must be a topic") }
    if let member = members["format"] {
      let expected = "must be protobuf or json"
      guard let format = SinkFormat(rawValue: try document.text(member, expected)) else {
        throw ConfigurationError(place: member.place, problem: expected)
      }
      kafka.format = format
    }
    if let properties = members["properties"] {
      kafka.properties = try self.properties(properties)
    }
    do throws(InvalidSinkSetting) { try kafka.validate() } catch {
      let field = error.field.split(separator: ".").first.map(String.init) ?? ""
      throw ConfigurationError(
        place: (members[field] ?? member).place, problem: error.problem)
    }
    return kafka
  }

  /// A list, or one text with commas.
  private func brokers(
    _ member: RulesDocument.Member
  ) throws(ConfigurationError) -> [String] {
    if member.node.sequence != nil {
      return try document.list(member) { text throws(RulesDocument.Unfit) in text }
    }
    let text = try document.text(member, "must be a list of HOST:PORT")
    return text.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.drop { $0 == " " } }.map(String.init)
  }

  private func properties(
    _ member: RulesDocument.Member
  ) throws(ConfigurationError) -> [String: String] {
    guard let mapping = member.node.mapping else {
      throw ConfigurationError(
        place: member.place, problem: "must be a mapping of librdkafka's names to values")
    }
    var properties: [String: String] = [:]
    for (key, node) in mapping {
      let name = key.scalar?.string ?? "?"
      let field = "\(member.field).\(name)"
      guard let value = node.scalar?.string else {
        throw ConfigurationError(
          place: YAMLTree.place(document.path, key, field), problem: "must be a text or a number")
      }
      properties[name] = value
    }
    return properties
  }
}
