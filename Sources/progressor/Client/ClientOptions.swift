import ArgumentParser
import FoundationEssentials
import GRPC
import NIOCore
import ProgressorServer

/// Which server to ask, and how to show its answers.
struct ClientOptions: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      """
      A server: HOST:PORT or unix:PATH; may be repeated with others of its cluster, which are \
      tried in order while one cannot be reached. (env: PROGRESSOR_SERVER, with commas; default: \
      127.0.0.1:7070)
      """,
      valueName: "address"))
  var server: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file with the token to show, in one line. (env: PROGRESSOR_TOKEN_FILE)",
      valueName: "path"))
  var tokenFile: String?
  @OptionGroup var security: ClientTLSOptions

  @Option(help: ArgumentHelp("How long to wait for the answer: 500ms, 10s, 2m.", valueName: "time"))
  var timeout = "30s"

  @Flag(help: "Print JSON, with the field names of the contract's JSON form.")
  var json = false

  /// Microseconds, checked by `validate()`.
  var timeoutMicroseconds: Int { Quantity.microseconds(timeout) ?? 0 }

  /// The servers in the order in which they are asked, each once; at least one.
  var targets: [ChannelTarget] {
    get throws { try Self.targets(flags: server, variable: Environment.value("PROGRESSOR_SERVER")) }
  }

  /// The flags, else the texts between commas of the variable, else the default.
  static func targets(flags: [String], variable: String?) throws -> [ChannelTarget] {
    let name = flags.isEmpty && variable != nil ? "PROGRESSOR_SERVER" : "--server"
    let texts =
      flags.isEmpty ? variable.map(elements) ?? ["127.0.0.1:7070"] : flags
    var targets: [ChannelTarget] = []
    for text in texts {
      let target: ChannelTarget
      do { target = try ChannelTarget(text) } catch {
        throw ValidationError("\(name): \(error.description)")
      }
      if !targets.contains(target) { targets.append(target) }
    }
    if targets.isEmpty { throw ValidationError("\(name) names no server.") }
    return targets
  }

  private static func elements(_ list: String) -> [String] {
    list.split(separator: ",").map { element in
      var element = element.drop { $0 == " " }
      while element.last == " " { element.removeLast() }
      return String(element)
    }.filter { !$0.isEmpty }
  }

  mutating func validate() throws {
    _ = try targets
    guard timeoutMicroseconds > 0 else {
      throw ValidationError("--timeout must be a positive time such as 500ms, 10s or 2m.")
    }
  }
}

/// The namespace that a command is about.
struct NamespaceOption: ParsableArguments {
  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("The namespace. (env: PROGRESSOR_NAMESPACE)", valueName: "name"))
  var namespace: String?

  /// The name, checked by `validate()`.
  var name: String { namespace ?? Environment.value("PROGRESSOR_NAMESPACE") ?? "" }

  mutating func validate() throws {
    if name.isEmpty {
      throw ValidationError("Name the namespace: --namespace NAME, or set PROGRESSOR_NAMESPACE.")
    }
  }
}

/// The process's environment.
enum Environment {
  /// All variables.
  static var all: [String: String] { ProcessInfo.processInfo.environment }

  /// A variable's value; empty ones count as unset.
  static func value(_ name: String) -> String? {
    all[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}
