import ArgumentParser
import Glibc
import MachineModel

/// What the client commands print: results on standard output, errors on standard error.
enum Output {
  /// Runs a command; what goes wrong is told in `error: …` and ends the program with 1.
  static func reportingErrors(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let error as ValidationError {
      throw error
    } catch let error as ExitCode {
      throw error
    } catch {
      printError("error: \(error)")
      throw ExitCode(1)
    }
  }

  static func print(_ text: String) {
    write(STDOUT_FILENO, Array((text + "\n").utf8))
  }

  static func printError(_ text: String) {
    write(STDERR_FILENO, Array((text + "\n").utf8))
  }

  /// A line of progress on a terminal, in place of the one before.
  static func showProgress(_ text: String) {
    write(STDERR_FILENO, Array("\r\u{1B}[K\(text)".utf8))
  }

  /// A line for people, or its JSON form.
  static func line(_ text: String, json: JSONValue?) {
    print(json?.text() ?? text)
  }

  /// That something was done to a machine.
  static func confirm(_ what: String, _ machine: MachineID, json: Bool) {
    line(
      "\(what) \(machine.namespace)/\(machine.id)",
      json: json
        ? .members(["namespace": .string(machine.namespace), "id": .string(machine.id)]) : nil)
  }

  /// What a processor answered: its bytes as they are, with a line's end only on a terminal.
  static func response(_ bytes: [UInt8], json: Bool) {
    if json {
      print(JSONValue.object(PayloadText.members("response", bytes)).text())
      return
    }
    write(STDOUT_FILENO, bytes)
    let endsLine = bytes.isEmpty || bytes.last == UInt8(ascii: "\n")
    if isatty(STDOUT_FILENO) == 1, !endsLine { write(STDOUT_FILENO, [UInt8(ascii: "\n")]) }
  }

  private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        // The reader is gone (`| head`): there is nobody to print for.
        return
      }
      rest = rest.dropFirst(count)
    }
  }
}
