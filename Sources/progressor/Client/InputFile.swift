import Glibc

/// Reads files whole, as far as a message could hold them.
enum InputFile {
  /// No message may be longer; the server says so more precisely.
  static let maximumBytes = 64 << 20

  /// Why a file was not read.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func read(path: String) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw Failure(description: "cannot read \(path): \(lastError())") }
    defer { close(descriptor) }
    return try read(descriptor, name: path)
  }

  static func readStandardInput() throws(Failure) -> [UInt8] {
    try read(STDIN_FILENO, name: "standard input")
  }

  private static func read(
    _ descriptor: Int32, name: String
  ) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw Failure(description: "cannot read \(name): \(lastError())")
      }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      if bytes.count > maximumBytes {
        throw Failure(description: "\(name) is longer than \(maximumBytes >> 20) MiB")
      }
    }
  }

  private static func lastError() -> String { String(cString: strerror(errno)) }
}
