import ArgumentParser
import MachineModel
import ProgressorAccess
import ProgressorServer

struct SecurityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "security", abstract: "Look at who may do what.",
    subcommands: [SecurityCheckCommand.self])
}

struct SecurityCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a file of rules, and print what somebody may do by it.",
    discussion: """
      FILE has rules, or is a server's configuration with authorization. No server is asked. A \
      file that cannot be used ends the command with 78 and the line that is wrong.
      """)

  @Argument(help: ArgumentHelp("The file.", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "Who: a principal's name, uid:N, or anonymous for callers without credentials.",
      valueName: "principal"))
  var name: String

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("A group of the principal; may be repeated.", valueName: "group"))
  var group: [String] = []

  @Option(help: ArgumentHelp("What they may do in this namespace.", valueName: "namespace"))
  var namespace: String?

  func run() throws {
    let principal = try principal()
    let policy: AccessPolicy
    do { policy = AccessPolicy(rules: try rules()) } catch {
      throw Serving.misconfigured("\(error)")
    }
    Output.print(AccessTable(policy, principal, namespace: namespace).text)
  }

  private func principal() throws -> Principal {
    if name.isExactly(Principal.anonymousName) || name.hasPrefix("uid:") {
      guard group.isEmpty else { throw ValidationError("\(name) has no groups") }
      if name.isExactly(Principal.anonymousName) { return .anonymous }
      guard let uid = UInt32(name.dropFirst(4)) else {
        throw ValidationError("--as: write uid: and the number of a user")
      }
      return .socketPeer(uid: uid)
    }
    let principal = Principal(credentials: .token, name: name, groups: group)
    guard let principal else {
      throw ValidationError(
        "--as and --group take names of 1 to \(Principal.maximumNameBytes) bytes without control "
          + "characters, and \(Principal.maximumGroups) groups at most")
    }
    return principal
  }

  private func rules() throws -> [AccessRule] {
    switch try AuthorizationSetting(text: read(file), path: file) {
    case .rules(let rules): rules
    case .file(let path): try AuthorizationSetting.rules(text: read(path), path: path)
    }
  }

  private func read(_ path: String) throws -> String {
    let bytes = try InputFile.read(path: path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(place: path, problem: "is no text in UTF-8")
    }
    return text
  }
}
