import ArgumentParser

/// Bytes for the processor: an argument, a file or standard input.
struct PayloadOptions: ParsableArguments {
  @Argument(help: "The payload as text; - reads it from standard input.")
  var payload: String?

  @Option(
    name: [.customShort("f"), .long],
    help: ArgumentHelp("Read the payload from a file.", valueName: "path"))
  var file: String?

  mutating func validate() throws {
    if payload != nil, file != nil {
      throw ValidationError("Give the payload as an argument or by --file, not both.")
    }
  }

  /// The bytes; none when no payload is given.
  func read() throws -> [UInt8] {
    if let file { return try InputFile.read(path: file) }
    if payload == "-" { return try InputFile.readStandardInput() }
    return Array((payload ?? "").utf8)
  }
}
