import ArgumentParser
import Glibc
import MachineModel
import ProgressorProto

/// What the client commands print: results on standard output, errors on standard error.
enum Output {
  /// Runs a command; what goes wrong is told in `error: …`, or as an object for programs, and ends
  /// the program as ``CommandExit`` has it.
  static func reportingErrors(json: Bool, _ body: () async throws -> Void) async throws {
    do { try await body() } catch let noted as NotedError {
      throw report(noted.error, note: noted.note, json: json)
    } catch {
      throw report(error, note: nil, json: json)
    }
  }

  /// Tells of an error, and returns what ends the program.
  private static func report(_ error: any Error, note: TerminalText?, json: Bool) -> any Error {
    switch error {
    case is ValidationError, is ExitCode: return error
    case let failure as ClientFailure:
      if json {
        printError(failure.json(note: note))
      } else {
        if let note { printError(note) }
        printError("error: \(failure.text)")
      }
      return ExitCode(CommandExit.code(failure))
    case is InputFile.Failure:
      printError("\(error)", reason: "INPUT_UNREADABLE", note: note, json: json)
      return ExitCode(CommandExit.noInput)
    case is TransferReader.Failure:
      printError("\(error)", reason: "INPUT_INVALID", note: note, json: json)
      return ExitCode(CommandExit.invalidArgument)
    default:
      printError("\(error)", reason: "", note: note, json: json)
      return ExitCode(CommandExit.failed)
    }
  }

  /// An error of this program, which no server has a code for.
  static func printError(
    _ message: String, reason: String, note: TerminalText? = nil, json: Bool
  ) {
    if json { return printError(errorJSON(message, reason: reason, note: note)) }
    if let note { printError(note) }
    printError("error: \(message)")
  }

  /// The same for programs: without `server`, since none was asked.
  static func errorJSON(_ message: String, reason: String, note: TerminalText?) -> JSONValue {
    .members([
      "error": .members([
        "code": .string(""), "reason": .string(reason), "message": .string(message),
        "metadata": .object([]), "note": note.map { .string($0.text) },
      ])
    ])
  }

  private static func printError(_ value: JSONValue) {
    write(STDERR_FILENO, Array((value.text() + "\n").utf8))
  }

  static func print(_ text: TerminalText) {
    write(STDOUT_FILENO, Array((text.text + "\n").utf8))
  }

  static func print(_ value: JSONValue) {
    write(STDOUT_FILENO, Array((value.text() + "\n").utf8))
  }

  /// One of many values, on a line.
  static func printLine(_ value: JSONValue) {
    write(STDOUT_FILENO, Array((value.line + "\n").utf8))
  }

  static func printError(_ text: TerminalText) {
    write(STDERR_FILENO, Array((text.text + "\n").utf8))
  }

  /// A line of progress on a terminal, in place of the one before.
  static func showProgress(_ text: TerminalText) {
    write(STDERR_FILENO, Array("\r\u{1B}[K\(text.text)".utf8))
  }

  /// A line for people, or its JSON form.
  static func line(_ text: TerminalText, json: JSONValue?) {
    if let json { print(json) } else { print(text) }
  }

  /// That something was done to a machine.
  static func confirm(_ what: TerminalText, _ machine: MachineID, json: Bool) {
    line(
      "\(what) \(machine.namespace)/\(machine.id)",
      json: json
        ? .members(["namespace": .string(machine.namespace), "id": .string(machine.id)]) : nil)
  }

  /// What a processor answered: its bytes as they are; on a terminal without what would steer it,
  /// and with a line's end.
  static func response(_ bytes: [UInt8], json: Bool) {
    if json { return print(JSONValue.object(PayloadText.members("response", bytes))) }
    guard isatty(STDOUT_FILENO) == 1 else { return write(STDOUT_FILENO, bytes) }
    write(STDOUT_FILENO, Array(PayloadText.lines(bytes).text.utf8))
    let endsLine = bytes.isEmpty || bytes.last == UInt8(ascii: "\n")
    if !endsLine { write(STDOUT_FILENO, [UInt8(ascii: "\n")]) }
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

/// An error, and what the command knows beside it: a line before it, a member of its object.
struct NotedError: Error {
  let error: any Error
  let note: TerminalText

  init(_ error: any Error, note: TerminalText) {
    (self.error, self.note) = (error, note)
  }
}
