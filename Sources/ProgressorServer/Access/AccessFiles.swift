import GRPC
import Logging
import NIOPosix
import ProgressorAccess
import ProgressorJWT
import Synchronization

/// The tokens, keys and rules in force, and the files that they come from.
final class AccessFiles: Sendable {
  /// A file that can change while the server runs.
  enum Part: String, Sendable, CaseIterable {
    case tokens
    case rules
    case keys
  }

  /// What the node knows about them, for metrics.
  struct Statistics: Sendable {
    /// Whether each file could be used when it was read last; of files that there are.
    var isUsable: [(part: Part, isUsable: Bool)] = []
    /// nil = no JSON Web Tokens are taken.
    var issuedTokens: TokenVerifier.Counts?
  }

  private struct State {
    var tokens: TokenFile?
    var rules: [AccessRule] = []
    var control: AccessControl
    /// Of what was read last, whether or not it could be used.
    var marks: [Part: AccessFile.Mark] = [:]
    var unusable: Set<Part> = []
  }

  private let files: [Part: AccessFile]
  private let verifier: TokenVerifier?
  private let state: Mutex<State>

  /// Reads the files; nil = nothing in the configuration says that not everybody may do everything.
  init?(_ configuration: NodeConfiguration) async throws(ConfigurationError) {
    guard configuration.isProtected else { return nil }
    var files: [Part: AccessFile] = [:]
    var state = State(control: AccessControl(tokens: nil, policy: AccessPolicy(rules: [])))
    if let path = configuration.tokensFile {
      let file = AccessFile(path: path)
      files[.tokens] = file
      (state.tokens, state.marks[.tokens]) = try Self.tokens(file)
    }
    if let jwt = configuration.jwt {
      let file = AccessFile(path: jwt.keysFile)
      files[.keys] = file
      let keys: KeySet
      (keys, state.marks[.keys]) = try await Self.keys(file)
      verifier = TokenVerifier(jwt.issuer, keys: keys, uptime: NodeClock.uptime())
    } else {
      verifier = nil
    }
    switch configuration.authorization {
    case .rules(let rules): state.rules = rules
    case .file(let path):
      let file = AccessFile(path: path)
      files[.rules] = file
      (state.rules, state.marks[.rules]) = try Self.rules(file)
    case nil: break
    }
    self.files = files
    state.control = Self.control(state, verifier)
    self.state = Mutex(state)
  }

  /// The first stage of a call's authorisation, by what is in force now.
  func admit(_ head: CallHead) -> CallAdmission { state.withLock { $0.control }.admit(head) }

  /// How the files and the tokens fared.
  var statistics: Statistics {
    let unusable = state.withLock { $0.unusable }
    return Statistics(
      isUsable: Part.allCases.filter { files[$0] != nil }.map { ($0, !unusable.contains($0)) },
      issuedTokens: verifier?.counts)
  }

  /// Says so if a file is in force that likely nobody meant.
  func warn(_ logger: Logger) {
    guard let file = files[.tokens], state.withLock({ $0.tokens?.count == 0 }) else { return }
    logger.warning(
      "the file of tokens has none: nobody can show one", metadata: ["file": "\(file.path)"])
  }

  /// Puts rules of a configuration that was read again in force, unless they are in a file.
  func replaceRules(_ rules: [AccessRule]) {
    guard files[.rules] == nil else { return }
    state.withLock { state in
      state.rules = rules
      state.control = Self.control(state, verifier)
    }
  }

  /// Reads what has changed since it was read. What cannot be used leaves what was in force, and is
  /// told once. One at a time.
  func look(_ logger: Logger) async {
    for part in Part.allCases {
      guard let file = files[part] else { continue }
      let mark: AccessFile.Mark?
      do { mark = try await NIOThreadPool.singleton.runIfActive { file.mark } } catch { return }
      guard state.withLock({ $0.marks[part] }) != mark else { continue }
      do throws(ConfigurationError) {
        let read = try await read(part, file)
        state.withLock { state in
          state.marks[part] = read.mark
          state.unusable.remove(part)
          read.apply(&state)
          state.control = Self.control(state, verifier)
        }
        logger.notice("\(part) were read again", metadata: ["file": "\(file.path)"])
        if part == .tokens { warn(logger) }
      } catch {
        state.withLock { state in
          state.marks[part] = mark
          state.unusable.insert(part)
        }
        logger.error(
          "\(part) cannot be used, those before stay in force", metadata: ["error": "\(error)"])
      }
    }
  }

  private typealias Read = (mark: AccessFile.Mark, apply: @Sendable (inout State) -> Void)

  private func read(_ part: Part, _ file: AccessFile) async throws(ConfigurationError) -> Read {
    switch part {
    case .tokens:
      let (tokens, mark) = try await Self.onThread { () throws(ConfigurationError) in
        try Self.tokens(file)
      }
      return (mark, { $0.tokens = tokens })
    case .rules:
      let (rules, mark) = try await Self.onThread { () throws(ConfigurationError) in
        try Self.rules(file)
      }
      return (mark, { $0.rules = rules })
    case .keys:
      let (keys, mark) = try await Self.keys(file)
      return (mark, { [verifier] _ in verifier?.replace(keys: keys) })
    }
  }

  private static func control(_ state: State, _ verifier: TokenVerifier?) -> AccessControl {
    AccessControl(
      tokens: state.tokens, issuedTokens: verifier, policy: AccessPolicy(rules: state.rules))
  }

  private static func tokens(
    _ file: AccessFile
  ) throws(ConfigurationError) -> (TokenFile, AccessFile.Mark) {
    let (bytes, mark) = try file.read(maximumBytes: TokenFile.maximumBytes)
    do throws(TokenFile.Problem) { return (try TokenFile(bytes), mark) } catch {
      let line = error.line == 0 ? "" : ":\(error.line)"
      let field = error.field.isEmpty ? "" : ": \(error.field)"
      throw ConfigurationError(place: file.path + line + field, problem: error.problem)
    }
  }

  private static func rules(
    _ file: AccessFile
  ) throws(ConfigurationError) -> ([AccessRule], AccessFile.Mark) {
    let (bytes, mark) = try file.read(maximumBytes: RulesDocument.maximumBytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(place: file.path, problem: "is no text in UTF-8")
    }
    return (try AuthorizationSetting.rules(text: text, path: file.path), mark)
  }

  private static func keys(
    _ file: AccessFile
  ) async throws(ConfigurationError) -> (KeySet, AccessFile.Mark) {
    let (bytes, mark) = try await onThread { () throws(ConfigurationError) in
      try file.read(maximumBytes: KeySet.maximumBytes)
    }
    do throws(KeySet.Problem) { return (try await KeySet(bytes), mark) } catch {
      let place = error.place.isEmpty ? "" : ": \(error.place)"
      throw ConfigurationError(place: file.path + place, problem: error.problem)
    }
  }

  /// On a thread that may wait for a disk.
  private static func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(ConfigurationError) -> Value
  ) async throws(ConfigurationError) -> Value {
    let result = try? await NIOThreadPool.singleton.runIfActive {
      Result { () throws(ConfigurationError) in try body() }
    }
    guard let result else { throw ConfigurationError(place: "server", problem: "is stopping") }
    return try result.get()
  }
}
