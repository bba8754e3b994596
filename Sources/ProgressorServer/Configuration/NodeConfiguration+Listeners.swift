public import GRPC
import MachineModel

extension NodeConfiguration {
  /// The addresses that are served.
  public var listen: [ServerAddress] { listeners.map(\.address) }

  /// Whether somebody says who may do what, so that nothing is allowed that no rule allows.
  var isProtected: Bool {
    tokensFile != nil || jwt != nil || authorization != nil
      || listeners.contains { $0.tls?.clientCertificates == .required }
  }

  /// The entries of `listen`, with the TLS that is set for all TCP listeners where an entry has
  /// none of its own.
  ///
  /// - Parameter document: the entries of the file, if they are more than addresses.
  static func listeners(
    _ reader: SettingReader, _ document: [ListenerSetting]?
  ) throws(ConfigurationError) -> [ListenerSetting] {
    let common = try commonTLS(reader)
    var listeners: [ListenerSetting]
    if let document, reader.isOfFile("listen") {
      listeners = document
    } else {
      listeners = try addresses(reader).map { ListenerSetting($0) }
    }
    if listeners.isEmpty { throw reader.problem("listen", "names no address to serve on") }
    if let twice = namedTwice(listeners.map(\.address)) {
      throw reader.problem("listen", "names \(twice) twice")
    }
    guard let common else { return listeners }
    for index in listeners.indices {
      guard listeners[index].tls == nil, case .tcp = listeners[index].address else { continue }
      listeners[index].tls = common
    }
    return listeners
  }

  /// Free ports may be wanted several times.
  private static func namedTwice(_ addresses: [ServerAddress]) -> ServerAddress? {
    var seen: Set<ServerAddress> = []
    return addresses.first { address in
      if case .tcp(_, port: 0) = address { return false }
      return !seen.insert(address).inserted
    }
  }

  private static func addresses(
    _ reader: SettingReader
  ) throws(ConfigurationError) -> [ServerAddress] {
    var addresses: [ServerAddress] = []
    for text in reader.list("listen") ?? [Setting.named("listen")?.defaultText ?? ""] {
      do { addresses.append(try ServerAddress(parsing: text)) } catch {
        throw reader.problem("listen", error.description)
      }
    }
    return addresses
  }

  private static func commonTLS(
    _ reader: SettingReader
  ) throws(ConfigurationError) -> ListenerTLS? {
    let keys = ["tls.certificate", "tls.key", "tls.client_ca"]
    guard let given = keys.first(where: { reader.text($0) != nil }) else { return nil }
    do throws(InvalidListener) {
      return try ListenerTLS(
        certificate: reader.text(keys[0]), key: reader.text(keys[1]), clientCA: reader.text(keys[2])
      )
    } catch {
      throw reader.problem(given, "\(error.problem): give --tls-certificate and --tls-key")
    }
  }

  /// Whether a switch is on.
  static func isOn(_ key: String, _ reader: SettingReader) throws(ConfigurationError) -> Bool {
    try reader.choice(key) == "true"
  }

  /// The folder of the files that namespaces may name.
  static func processorTLSDirectory(
    _ reader: SettingReader
  ) throws(ConfigurationError) -> TLSDirectory? {
    guard let path = reader.text("processor_tls_directory") else { return nil }
    guard let directory = TLSDirectory(path) else {
      throw reader.problem(
        "processor_tls_directory", "must be an absolute path without \"..\", not \"\(path)\"")
    }
    return directory
  }

  /// Namespaces of the file name files as those do that come by a call.
  func checkProcessorTLS(file: String?) throws(ConfigurationError) {
    for directive in namespaces {
      guard case .define(let namespace) = directive else { continue }
      do throws(ProgressorError) {
        try namespace.checkTLSFiles(below: processorTLSDirectory, path: "")
      } catch {
        throw ConfigurationError(
          place: "\(file ?? "namespaces"): the namespace \"\(namespace.name)\"",
          problem: error.message)
      }
    }
  }
}
