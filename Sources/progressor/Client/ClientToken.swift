import ProgressorAccess

/// The token that a command shows, out of a file: on the command line everybody on the host could
/// read it. The file is read anew by each command, so that another token may take its place.
struct ClientToken {
  let text: String

  /// Reads the file that the flag or `PROGRESSOR_TOKEN_FILE` names; nil = neither does.
  init?(flag: String?) throws(InputFile.Failure) {
    guard let path = flag ?? Environment.value("PROGRESSOR_TOKEN_FILE") else { return nil }
    let source = flag == nil ? "PROGRESSOR_TOKEN_FILE" : "--token-file"
    do throws(InputFile.Failure) {
      text = try Self.token(try InputFile.read(path: path), path)
    } catch {
      throw InputFile.Failure(description: "\(source): \(error)")
    }
  }

  /// One line, whose end may be missing. Messages quote nothing.
  static func token(
    _ bytes: [UInt8], _ path: String
  ) throws(InputFile.Failure) -> String {
    var line = bytes[...]
    if line.last == UInt8(ascii: "\n") { line = line.dropLast() }
    if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
    func failure(_ problem: String) -> InputFile.Failure {
      InputFile.Failure(description: "\(path) \(problem)")
    }
    if line.isEmpty { throw failure("is empty: write the token into it") }
    if line.contains(UInt8(ascii: "\n")) { throw failure("has more than one line") }
    if line.count > TokenFile.maximumTokenBytes {
      throw failure("is longer than a token, of \(TokenFile.maximumTokenBytes) bytes at most")
    }
    guard line.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw failure("has a space, or another character that no token has")
    }
    return String(decoding: line, as: UTF8.self)
  }
}
