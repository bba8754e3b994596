import Glibc

/// A file, or standard output, to which machines are exported: what cannot be written is an error.
final class TransferOutput {
  private let descriptor: Int32
  private let name: String

  /// Why something was not written.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// - Parameter path: Of a file that is not there yet, for its owner alone; nil = standard output.
  init(path: String?) throws(Failure) {
    guard let path else {
      (descriptor, name) = (STDOUT_FILENO, "standard output")
      return
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    name = path
    if descriptor < 0 { throw failure }
  }

  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

  private var failure: Failure {
    Failure(description: "cannot write \(name): \(String(cString: strerror(errno)))")
  }

  func write(_ text: String) throws(Failure) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure
      }
      rest = rest.dropFirst(count)
    }
  }

  /// What was written is there after a crash of the machine.
  func finish() throws(Failure) {
    // Pipes and terminals have nothing to keep.
    if descriptor > STDERR_FILENO, fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
      throw failure
    }
  }
}

/// The lines of a file, or of standard input, one by one.
struct TransferInput {
  private let descriptor: Int32
  private let name: String
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// Of the line that was read last; the first is 1.
  private(set) var number = 0

  /// No line may be longer: a payload of 16 MiB in base64, or as text with escapes.
  static let maximumLineBytes = 128 << 20

  /// - Parameter path: nil or `-` = standard input.
  init(path: String?) throws(InputFile.Failure) {
    guard let path, path != "-" else {
      (descriptor, name) = (STDIN_FILENO, "standard input")
      return
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    name = path
    if descriptor < 0 { throw failure }
  }

  private var failure: InputFile.Failure {
    InputFile.Failure(description: "cannot read \(name): \(String(cString: strerror(errno)))")
  }

  /// The next line, without its end; nil = there is none.
  mutating func next() throws(InputFile.Failure) -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        number += 1
        return Array(buffer[start..<end])
      }
      searched = buffer.count
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        number += 1
        return Array(buffer[start...])
      }
      if buffer.count - start > Self.maximumLineBytes {
        throw InputFile.Failure(
          description: "line \(number + 1) of \(name) is longer than "
            + "\(Self.maximumLineBytes >> 20) MiB")
      }
      searched -= start
      buffer.removeFirst(start)
      start = 0
      try fill()
    }
  }

  private mutating func fill() throws(InputFile.Failure) {
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let count = read(descriptor, &piece, piece.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure
      }
      if count == 0 { isAtEnd = true }
      buffer += piece[..<count]
      return
    }
  }
}
