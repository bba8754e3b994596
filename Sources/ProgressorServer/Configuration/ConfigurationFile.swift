import MachineModel
import ProgressorAccess
import ProgressorSinks
import Yams

/// The configuration file, read and checked: every key known, every namespace valid.
struct ConfigurationFile {
  /// The texts of the settings, by key.
  var values: [String: YAMLTree.Leaf]
  /// Of `authorization`, if it has rules; the path of their file is among the values.
  var rules: [AccessRule]?
  /// Of `listen`, if it has more than addresses; their texts are among the values.
  var listeners: [ListenerSetting]?
  /// In the order of the file.
  var namespaces: [Namespace]
  /// In the order of the file.
  var sinks: [SinkSetting] = []

  /// Reads YAML; `path` names the file in messages. An empty file is an empty configuration.
  init(text: String, path: String) throws(ConfigurationError) {
    values = [:]
    namespaces = []
    guard let root = try ConfigurationFile.compose(text, path: path) else { return }
    if root.scalar?.string.isEmpty == true { return }
    guard let mapping = root.mapping else {
      throw ConfigurationError(
        place: YAMLTree.place(path, root, nil), problem: "must be a mapping of keys to values")
    }
    let listen = mapping.first {
      $0.key.scalar?.string == "listen" && ListenerDocument.hasMappings($0.value)
    }
    let apart = ["namespaces", "authorization", "sinks"] + (listen == nil ? [] : ["listen"])
    let others = Yams.Node.Mapping(mapping.filter { !apart.contains($0.key.scalar?.string ?? "") })
    let keys = Setting.all.map(\.key).filter { !$0.hasPrefix("authorization.") }
    values = try YAMLTree(.mapping(others), file: path, keys: keys + apart).leaves
    if let listen {
      let listeners = try ListenerDocument(path: path).listeners(listen.value)
      self.listeners = listeners
      values["listen"] = YAMLTree.Leaf(
        texts: listeners.map(\.description), isSequence: true,
        place: YAMLTree.place(path, listen.key, "listen"))
    }
    if let section = mapping.first(where: { $0.key.scalar?.string == "authorization" }) {
      try read(authorization: section.value, at: section.key, path: path)
    }
    if let list = mapping.first(where: { $0.key.scalar?.string == "namespaces" })?.value {
      namespaces = try ConfigurationFile.namespaces(list, path: path)
    }
    if let list = mapping.first(where: { $0.key.scalar?.string == "sinks" })?.value {
      sinks = try SinksDocument(path: path).sinks(list)
    }
    for (key, leaf) in values {
      if leaf.isSequence, Setting.named(key)?.kind != .list {
        throw ConfigurationError(place: leaf.place, problem: "must be one value, not a list")
      }
    }
  }

  private mutating func read(
    authorization node: Yams.Node, at key: Yams.Node, path: String
  ) throws(ConfigurationError) {
    switch try AuthorizationSetting(node, at: key, path: path) {
    case .rules(let rules): self.rules = rules
    case .file(let file):
      values["authorization.file"] = YAMLTree.Leaf(
        texts: [file], isSequence: false, place: YAMLTree.place(path, key, "authorization.file"))
    }
  }

  static func compose(_ text: String, path: String) throws(ConfigurationError) -> Yams.Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError(place: path, problem: "is no valid YAML: \(problem(of: error))")
    }
  }

  /// What is wrong and where. The error's own description quotes the line, and passwords stand in
  /// such lines.
  private static func problem(of error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): \(problem)"
    case .duplicatedKeysInMapping(let keys, let context):
      "line \(context.mark.line): a key stands twice: \(keys.joined(separator: ", "))"
    case .reader(let problem, _, _, _): problem
    default: "cannot be read"
    }
  }

  private static func namespaces(
    _ list: Yams.Node, path: String
  ) throws(ConfigurationError) -> [Namespace] {
    guard let sequence = list.sequence else {
      throw ConfigurationError(
        place: YAMLTree.place(path, list, "namespaces"), problem: "must be a list of namespaces")
    }
    var namespaces: [Namespace] = []
    for (index, node) in sequence.enumerated() {
      let entry = NamespaceEntry(
        tree: try YAMLTree(node, file: path, keys: NamespaceSetting.all.map(\.key)),
        hasTLS: node.mapping?["processor"]?.mapping?["tls"] != nil,
        place: YAMLTree.place(path, node, "namespaces[\(index)]"))
      let namespace = try entry.namespace()
      if namespaces.contains(where: { $0.name.isExactly(namespace.name) }) {
        throw ConfigurationError(
          place: entry.place, problem: "there are two namespaces \"\(namespace.name)\"")
      }
      namespaces.append(namespace)
    }
    return namespaces
  }
}

/// One entry of `namespaces`.
private struct NamespaceEntry {
  let tree: YAMLTree
  /// An empty one leaves nothing in the tree.
  let hasTLS: Bool
  let place: String

  func namespace() throws(ConfigurationError) -> Namespace {
    var namespace = Namespace(
      name: try text("name") ?? "",
      processor: ProcessorOptions(
        endpoint: try text("processor.endpoint") ?? "",
        timeout: try duration("processor.timeout"),
        maxInFlight: try integer("processor.max_in_flight") ?? 0,
        connections: try integer("processor.connections") ?? 0, tls: try tls()),
      retryPolicy: RetryPolicy(
        initialInterval: try duration("retry_policy.initial_interval"),
        multiplier: try decimal("retry_policy.multiplier"),
        maxInterval: try duration("retry_policy.max_interval"),
        maxAttempts: try integer("retry_policy.max_attempts"),
        jitter: try decimal("retry_policy.jitter"),
        nonRetryable: tree.leaves["retry_policy.non_retryable"]?.texts ?? []),
      limits: Limits(
        mailbox: try integer("limits.mailbox"),
        stepsInFlight: try integer("limits.steps_in_flight"),
        notifications: try integer("limits.notifications"),
        messages: try integer("limits.messages")),
      idempotencyRetention: try duration("idempotency_retention"))
    namespace.defaultHistoryRange = try historyRange()
    namespace.trace = TraceOptions(
      level: try traceLevel(), retention: try duration("trace.retention"))
    namespace.feed = FeedOptions(
      isEnabled: try truth("feed.enabled") ?? false, hasBodies: try truth("feed.bodies") ?? false,
      retention: try duration("feed.retention"), maxBytes: try size("feed.max_bytes") ?? 0)
    do {
      try namespace.validateForServing(path: "")
    } catch {
      throw ConfigurationError(place: place, problem: error.message)
    }
    return namespace
  }

  private func traceLevel() throws(ConfigurationError) -> TraceLevel? {
    guard let leaf = tree.leaves["trace.level"] else { return nil }
    switch leaf.texts.first {
    case "none": return .nothing
    case "changes": return .changes
    case "all": return .all
    default: throw problem(leaf, "must be none, changes or all")
    }
  }

  private func tls() throws(ConfigurationError) -> ProcessorTLS? {
    guard hasTLS else { return nil }
    return ProcessorTLS(
      caFile: try text("processor.tls.ca_file") ?? "",
      certificateFile: try text("processor.tls.certificate_file") ?? "",
      keyFile: try text("processor.tls.key_file") ?? "",
      serverName: try text("processor.tls.server_name") ?? "")
  }

  private func historyRange() throws(ConfigurationError) -> HistoryRange? {
    guard tree.leaves.keys.contains(where: { $0.hasPrefix("default_history_range.") }) else {
      return nil
    }
    var direction = HistoryRange.Direction.forward
    if let leaf = tree.leaves["default_history_range.direction"] {
      switch leaf.texts.first {
      case "forward": direction = .forward
      case "backward": direction = .backward
      default: throw problem(leaf, "must be forward or backward")
      }
    }
    return HistoryRange(
      after: try number("default_history_range.after", "must be a whole number") { Int64($0) } ?? 0,
      limit: try integer("default_history_range.limit"), direction: direction)
  }

  private func text(_ key: String) throws(ConfigurationError) -> String? {
    try number(key, "must be a text") { $0 }
  }

  private func integer(_ key: String) throws(ConfigurationError) -> Int32? {
    try number(key, "must be a whole number from 0 to \(Int32.max)") { text in
      Int32(text).flatMap { $0 < 0 ? nil : $0 }
    }
  }

  private func decimal(_ key: String) throws(ConfigurationError) -> Double? {
    try number(key, "must be a number") { Double($0) }
  }

  private func duration(_ key: String) throws(ConfigurationError) -> Int64? {
    try number(key, "must be a duration such as 500ms, 30s, 5m or 24h") { text in
      Quantity.microseconds(text).map(Int64.init)
    }
  }

  private func size(_ key: String) throws(ConfigurationError) -> Int64? {
    try number(key, "must be a size such as 64KiB, 16MiB or 10GiB") { text in
      Quantity.bytes(text).map(Int64.init)
    }
  }

  private func truth(_ key: String) throws(ConfigurationError) -> Bool? {
    try number(key, "must be true or false") { Bool($0) }
  }

  private func number<Value>(
    _ key: String, _ expected: String, _ parse: (String) -> Value?
  ) throws(ConfigurationError) -> Value? {
    guard let leaf = tree.leaves[key] else { return nil }
    guard !leaf.isSequence, let text = leaf.texts.first, let value = parse(text) else {
      throw problem(leaf, expected)
    }
    return value
  }

  private func problem(_ leaf: YAMLTree.Leaf, _ expected: String) -> ConfigurationError {
    let texts = leaf.texts.joined(separator: ", ")
    return ConfigurationError(place: leaf.place, problem: "\(expected), not \"\(texts)\"")
  }
}
