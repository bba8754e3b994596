import GRPC
import Logging
import ProgressorAccess
import Synchronization

/// The tokens and rules in force, and the files that they come from.
final class AccessFiles: Sendable {
  private struct State {
    var tokens: TokenFile?
    var rules: [AccessRule] = []
    var control: AccessControl
    /// Of what was read last, whether or not it could be used.
    var tokensMark: AccessFile.Mark?
    var rulesMark: AccessFile.Mark?
  }

  private let tokensFile: AccessFile?
  private let rulesFile: AccessFile?
  private let state: Mutex<State>

  /// Reads the files; nil = the configuration has neither authentication nor authorization.
  init?(_ configuration: NodeConfiguration) throws(ConfigurationError) {
    guard configuration.tokensFile != nil || configuration.authorization != nil else { return nil }
    tokensFile = configuration.tokensFile.map { AccessFile(path: $0) }
    var state = State(control: AccessControl(tokens: nil, policy: AccessPolicy(rules: [])))
    if let tokensFile { (state.tokens, state.tokensMark) = try Self.tokens(tokensFile) }
    switch configuration.authorization {
    case .rules(let rules):
      state.rules = rules
      rulesFile = nil
    case .file(let path):
      let file = AccessFile(path: path)
      (state.rules, state.rulesMark) = try Self.rules(file)
      rulesFile = file
    case nil: rulesFile = nil
    }
    state.control = AccessControl(tokens: state.tokens, policy: AccessPolicy(rules: state.rules))
    self.state = Mutex(state)
  }

  /// The first stage of a call's authorisation, by what is in force now.
  func admit(_ head: CallHead) -> CallAdmission { state.withLock { $0.control }.admit(head) }

  /// Puts rules of a configuration that was read again in force, unless they are in a file.
  func replaceRules(_ rules: [AccessRule]) {
    guard rulesFile == nil else { return }
    state.withLock { state in
      state.rules = rules
      state.control = AccessControl(tokens: state.tokens, policy: AccessPolicy(rules: rules))
    }
  }

  /// Reads what has changed since it was read. What cannot be used leaves what was in force, and is
  /// told once. One at a time; it reads files.
  func look(_ logger: Logger) {
    if let tokensFile {
      follow(tokensFile, \.tokensMark, "tokens", logger) { () throws(ConfigurationError) in
        let (tokens, mark) = try Self.tokens(tokensFile)
        return (mark, { $0.tokens = tokens })
      }
    }
    if let rulesFile {
      follow(rulesFile, \.rulesMark, "rules", logger) { () throws(ConfigurationError) in
        let (rules, mark) = try Self.rules(rulesFile)
        return (mark, { $0.rules = rules })
      }
    }
  }

  private func follow(
    _ file: AccessFile, _ known: WritableKeyPath<State, AccessFile.Mark?>, _ what: String,
    _ logger: Logger,
    read: () throws(ConfigurationError) -> (AccessFile.Mark, (inout State) -> Void)
  ) {
    let mark = file.mark
    guard state.withLock({ $0[keyPath: known] }) != mark else { return }
    do throws(ConfigurationError) {
      let (mark, apply) = try read()
      state.withLock { state in
        apply(&state)
        state[keyPath: known] = mark
        state.control = AccessControl(
          tokens: state.tokens, policy: AccessPolicy(rules: state.rules))
      }
      logger.notice("\(what) were read again", metadata: ["file": "\(file.path)"])
    } catch {
      state.withLock { $0[keyPath: known] = mark }
      logger.error(
        "\(what) cannot be used, those before stay in force", metadata: ["error": "\(error)"])
    }
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
}
