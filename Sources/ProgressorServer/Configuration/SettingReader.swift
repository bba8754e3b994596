import Configuration

/// Reads settings from the command line, the environment and the file, in this order of precedence.
///
/// Every value is read as text and parsed here: swift-configuration's typed getters would answer
/// the default for a value that does not parse, and say nothing.
struct SettingReader {
  private let reader: ConfigReader
  private let flags: [String: [String]]
  private let environment: [String: String]
  private let file: [String: YAMLTree.Leaf]

  /// - Parameters:
  ///   - flags: Values from the command line, by key.
  ///   - environment: The process's variables.
  ///   - file: The leaves of the configuration file, by key.
  init(flags: [String: [String]], environment: [String: String], file: [String: YAMLTree.Leaf]) {
    // An empty variable is an unset one: `PROGRESSOR_DATABASE_URL= progressor serve`.
    var set = environment.filter { $0.key.hasPrefix("PROGRESSOR_") && !$0.value.isEmpty }
    // Called as the flag is, it counts too, unless it is a name alone: that one is for the client.
    if let value = set["PROGRESSOR_NAMESPACE"], value.contains("="),
      set["PROGRESSOR_NAMESPACES"] == nil
    {
      set["PROGRESSOR_NAMESPACES"] = value
    }
    self.flags = flags
    self.environment = set
    self.file = file
    reader = ConfigReader(providers: [
      SettingReader.provider("command line", flags),
      EnvironmentVariablesProvider(environmentVariables: set).prefixKeys(with: "progressor"),
      SettingReader.provider("file", file.mapValues(\.texts)),
    ])
  }

  private static func provider(_ name: String, _ values: [String: [String]]) -> InMemoryProvider {
    var contents: [AbsoluteConfigKey: ConfigValue] = [:]
    for (key, texts) in values {
      let isList = key == "namespaces" || Setting.named(key)?.kind == .list
      let content: ConfigContent = isList ? .stringArray(texts) : .string(texts.last ?? "")
      contents[AbsoluteConfigKey(key.split(separator: ".").map(String.init))] =
        ConfigValue(content, isSecret: Setting.named(key)?.isSecret ?? false)
    }
    return InMemoryProvider(name: name, values: contents)
  }

  /// The text of a setting, nil = nobody gave one.
  func text(_ key: String) -> String? {
    reader.string(forKey: ConfigKey(SettingReader.components(key)))
  }

  /// The texts of a list, nil = nobody gave one.
  func list(_ key: String) -> [String]? {
    reader.stringArray(forKey: ConfigKey(SettingReader.components(key)))?
      .map { SettingReader.trimmed($0) }
  }

  /// A whole number, duration (microseconds) or size (bytes) within its range; nil when nobody gave
  /// one and there is no default.
  func number(_ key: String) throws(ConfigurationError) -> Int? {
    guard let setting = Setting.named(key) else { return nil }
    let given = text(key)
    if given == nil, setting.defaultText.isEmpty { return nil }
    let text = given ?? setting.defaultText
    let (value, range, expected): (Int?, ClosedRange<Int>, String)
    switch setting.kind {
    case .integer(let bounds):
      expected = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
      (value, range) = (Int(text), bounds)
    case .duration(let bounds):
      expected =
        "a duration from \(Quantity.text(microseconds: bounds.lowerBound)) to "
        + "\(Quantity.text(microseconds: bounds.upperBound)), such as 500ms, 10s or 5m"
      (value, range) = (Quantity.microseconds(text), bounds)
    case .size(let bounds):
      expected =
        "a size from \(Quantity.text(bytes: bounds.lowerBound)) to "
        + "\(Quantity.text(bytes: bounds.upperBound)), such as 64KiB or 16MiB"
      (value, range) = (Quantity.bytes(text), bounds)
    case .text, .list, .choice: return nil
    }
    guard let value, range.contains(value) else {
      throw problem(key, "must be \(expected), not \"\(text)\"")
    }
    return value
  }

  /// One of the setting's words.
  func choice(_ key: String) throws(ConfigurationError) -> String {
    guard let setting = Setting.named(key), case .choice(let words) = setting.kind else {
      return ""
    }
    let text = text(key) ?? setting.defaultText
    guard words.contains(text) else {
      throw problem(
        key, "must be one of \(words.joined(separator: ", ")), not \"\(text)\"")
    }
    return text
  }

  /// An error at the place where the setting's value came from.
  func problem(_ key: String, _ problem: String) -> ConfigurationError {
    ConfigurationError(place: place(key), problem: problem)
  }

  /// Where a setting's value came from, or its key.
  private func place(_ key: String) -> String { source(key) ?? key }

  /// The flag, variable or line that gave a setting its value, nil = nothing did.
  func source(_ key: String) -> String? {
    let setting = Setting.named(key)
    if flags[key] != nil { return setting?.flag ?? "--namespace" }
    let variable = setting?.environmentVariable ?? "PROGRESSOR_\(key.uppercased())"
    if environment[variable] != nil { return variable }
    return file[key]?.place
  }

  /// Whether a setting's value is the file's.
  func isOfFile(_ key: String) -> Bool {
    guard let place = file[key]?.place else { return false }
    return source(key) == place
  }

  private static func components(_ key: String) -> [String] {
    key.split(separator: ".").map(String.init)
  }

  private static func trimmed(_ text: String) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
