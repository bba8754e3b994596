public import ProgressorSinks

/// What `progressor serve` would run with, and where each value comes from; without secrets.
public struct ConfigurationReport: Sendable, Hashable {
  /// A setting and its value.
  public struct Value: Sendable, Hashable {
    /// As ``Setting/key``.
    public let key: String
    /// The texts of a list, or one; empty = none, the server does without or decides itself.
    public let texts: [String]
    /// The flag, the variable, or the file's line; nil = it is the default.
    public let source: String?
  }

  /// Every setting, as ``Setting/all`` has them.
  public let values: [Value]
  /// In the order in which they are carried out; one for each name.
  public let namespaces: [NodeConfiguration.NamespaceDirective]
  /// In the order of the file; secrets do not show themselves.
  public let sinks: [SinkSetting]
  /// Where the endpoints came from that ``endpointsGiven`` names; nil = nobody gave any.
  public let endpointSource: String?
  /// Names whose endpoint `--namespace` or its variable gave.
  public let endpointsGiven: [String]
  /// What is likely not meant so, a line each.
  public let warnings: [String]
  /// Why a server would not start with it, though each value is right; nil = nothing is known of
  /// that. Names are not looked up.
  public let refusal: String?

  /// Reads and checks the configuration; the parameters are those of ``NodeConfiguration``. Throws
  /// what is wrong with it.
  public init(
    flags: [String: [String]] = [:], environment: [String: String] = [:],
    file: (text: String, path: String)? = nil
  ) throws(ConfigurationError) {
    let configuration = try NodeConfiguration(flags: flags, environment: environment, file: file)
    let document = try file.map { file throws(ConfigurationError) in
      try ConfigurationFile(text: file.text, path: file.path)
    }
    let reader = SettingReader(
      flags: flags, environment: environment, file: document?.values ?? [:])
    values = Setting.all.map { setting in
      let given =
        setting.kind == .list ? reader.list(setting.key) : reader.text(setting.key).map { [$0] }
      let texts = given ?? ConfigurationReport.standard(setting, configuration)
      return Value(
        key: setting.key,
        texts: setting.isSecret ? texts.map { SecretText.shown($0, of: setting.key) } : texts,
        source: given == nil ? nil : reader.source(setting.key))
    }
    namespaces = configuration.namespaces
    sinks = configuration.sinks
    let pointed = reader.list("namespaces") ?? []
    endpointSource = pointed.isEmpty ? nil : reader.source("namespaces")
    endpointsGiven = pointed.map { String($0.prefix { $0 != "=" }) }
    warnings = ConfigurationReport.warnings(of: environment) + configuration.warnings
    refusal = ExposedListeners.problem(configuration, lookingUp: false)
  }

  private static func standard(
    _ setting: Setting, _ configuration: NodeConfiguration
  ) -> [String] {
    if setting.key == "data_dir", case .embedded(let directory) = configuration.database {
      return [directory]
    }
    return setting.defaultText.isEmpty ? [] : [setting.defaultText]
  }

  /// A line for each variable that looks like one of the program's and is none. Variables of its
  /// tests are not meant, nor those that Kubernetes makes for a service named `progressor`.
  public static func warnings(of environment: [String: String]) -> [String] {
    let prefix = "PROGRESSOR_"
    let known =
      Setting.all.map(\.environmentVariable) + [
        "PROGRESSOR_NAMESPACES", "PROGRESSOR_NAMESPACE", "PROGRESSOR_SERVER", "PROGRESSOR_CONFIG",
        "PROGRESSOR_CLIENT_TLS", "PROGRESSOR_CLIENT_TLS_CA", "PROGRESSOR_CLIENT_TLS_CERTIFICATE",
        "PROGRESSOR_CLIENT_TLS_KEY", "PROGRESSOR_CLIENT_TLS_SERVER_NAME",
        "PROGRESSOR_TOKEN_FILE",
        // Of packaging/container and of scripts/.
        "PROGRESSOR_HEALTH_PORT", "PROGRESSOR_CACHE",
      ]
    let foreign = ["PROGRESSOR_TEST_", "PROGRESSOR_SERVICE_", "PROGRESSOR_PORT"]
    let unknown = environment.keys.filter { name in
      name.hasPrefix(prefix) && !known.contains(name)
        && !foreign.contains { name.hasPrefix($0) }
    }
    return unknown.sorted().map { name in
      // What they all begin with makes none of them nearer.
      let rests = known.map { String($0.dropFirst(prefix.count)) }
      let near = NearestName.to(String(name.dropFirst(prefix.count)), among: rests)
      let meant = near.map { "; did you mean \(prefix)\($0)?" } ?? ""
      return "\(name): is no setting, and is ignored\(meant)"
    }
  }
}
