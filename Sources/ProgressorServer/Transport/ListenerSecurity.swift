import Logging
import Synchronization
import TransportSecurity

/// The TLS of one listener, and the files that it comes from.
final class ListenerSecurity: Sendable {
  private struct State {
    /// Of what was read last, whether or not it could be used.
    var marks: [AccessFile.Mark?]
    var isUnusable = false
  }

  /// What is in force.
  let credentials: ServerCredentials
  private let setting: ListenerTLS
  private let state: Mutex<State>

  /// Reads the files.
  init(_ setting: ListenerTLS) throws(ConfigurationError) {
    let files = try Files(setting)
    self.setting = setting
    do throws(CredentialsError) {
      credentials = try ServerCredentials(
        files.pair, clientCertificates: setting.clientCertificates, trusted: files.trusted)
    } catch {
      throw ConfigurationError(error)
    }
    state = Mutex(State(marks: files.marks))
  }

  /// Whether the files cannot be used as they are now, so that those before are in force.
  var isUnusable: Bool { state.withLock { $0.isUnusable } }

  /// Reads the files again if they have changed. What cannot be used leaves what was in force, and
  /// is told once. One at a time.
  ///
  /// - Parameter always: Whether to read them although they look as before.
  /// - Returns: whether other clients are trusted than before.
  func look(always: Bool = false, _ logger: Logger) -> Bool {
    let marks = Files.paths(setting).map { AccessFile(path: $0).mark }
    guard always || state.withLock({ $0.marks != marks }) else { return false }
    do throws(ConfigurationError) {
      let files = try Files(setting)
      let isTrustChanged = try replace(files)
      state.withLock { $0 = State(marks: files.marks) }
      logger.notice("certificates were read again", metadata: ["file": "\(setting.certificate)"])
      return isTrustChanged
    } catch {
      state.withLock { $0 = State(marks: marks, isUnusable: true) }
      logger.error(
        "certificates cannot be used, those before stay in force", metadata: ["error": "\(error)"])
      return false
    }
  }

  private func replace(_ files: Files) throws(ConfigurationError) -> Bool {
    do throws(CredentialsError) {
      return try credentials.replace(files.pair, trusted: files.trusted)
    } catch {
      throw ConfigurationError(error)
    }
  }

  /// What was read together.
  private struct Files {
    let pair: KeyPair
    let trusted: PEM?
    /// In the order of the paths.
    let marks: [AccessFile.Mark?]

    static func paths(_ setting: ListenerTLS) -> [String] {
      [setting.certificate, setting.key] + (setting.clientCA.map { [$0] } ?? [])
    }

    init(_ setting: ListenerTLS) throws(ConfigurationError) {
      let certificate = try PEMFile.certificates(setting.certificate)
      let key = try PEMFile.key(setting.key)
      let trusted = try setting.clientCA.map { path throws(ConfigurationError) in
        try PEMFile.certificates(path)
      }
      pair = KeyPair(certificate: certificate.pem, key: key.pem)
      self.trusted = trusted?.pem
      marks = [certificate.mark, key.mark] + (trusted.map { [$0.mark] } ?? [])
    }
  }
}
