import ProgressorServer

/// Where the server's configuration comes from: it can be read again.
struct ConfigurationSource: Sendable {
  /// Values from the command line, by the keys of settings.
  let flags: [String: [String]]
  /// The configuration file; nil = there is none.
  let path: String?

  /// Throws ``ConfigurationError``, which names the file's place.
  func read() throws -> NodeConfiguration {
    try NodeConfiguration(flags: flags, environment: Environment.all, file: try readFile())
  }

  /// What ``read()`` reads, with the sources of its values. Throws the same.
  func report() throws -> ConfigurationReport {
    try ConfigurationReport(flags: flags, environment: Environment.all, file: try readFile())
  }

  private func readFile() throws -> (text: String, path: String)? {
    guard let path else { return nil }
    let bytes: [UInt8]
    do { bytes = try InputFile.read(path: path) } catch {
      throw ConfigurationError(place: "--config", problem: "\(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(place: path, problem: "is no text in UTF-8")
    }
    return (text, path)
  }
}
