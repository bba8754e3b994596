import ArgumentParser
import FoundationEssentials
import GRPC
import NIOCore
import ProgressorServer

/// Which server to ask, and how to show its answers.
struct ClientOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server: HOST:PORT or unix:PATH. (env: PROGRESSOR_SERVER, default: 127.0.0.1:7070)",
      valueName: "address"))
  var server: String?

  @Option(help: ArgumentHelp("How long to wait for the answer: 500ms, 10s, 2m.", valueName: "time"))
  var timeout = "30s"

  @Flag(help: "Print JSON, with the field names of the contract's JSON form.")
  var json = false

  /// Microseconds, checked by `validate()`.
  var timeoutMicroseconds: Int { Quantity.microseconds(timeout) ?? 0 }

  var target: ChannelTarget {
    get throws {
      let text = server ?? Environment.value("PROGRESSOR_SERVER") ?? "127.0.0.1:7070"
      do { return try ChannelTarget(text) } catch {
        throw ValidationError("--server: \(error.description)")
      }
    }
  }

  mutating func validate() throws {
    _ = try target
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
