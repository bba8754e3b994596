import Foundation
import Glibc

/// The file that `postgres` writes its messages to.
struct ServerLog {
  let path: String

  /// Beyond this size the file is put aside at the next start; one old file is kept.
  private static let rotationSize: off_t = 16 << 20

  /// Opens it for appending. The caller closes the descriptor.
  func open() throws(EmbeddedPostgreSQLError) -> Int32 {
    if size > Self.rotationSize { rename(path, path + ".1") }
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .system("cannot write \(path)") }
    return descriptor
  }

  var size: off_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_size : 0
  }

  /// The last lines from `offset` on, a few hundred bytes, for an error message.
  func tail(from offset: off_t) -> String {
    guard let file = FileHandle(forReadingAtPath: path) else { return "" }
    defer { try? file.close() }
    let start = max(offset, size - 1500)
    guard (try? file.seek(toOffset: UInt64(max(0, start)))) != nil,
      let data = try? file.read(upToCount: 1500)
    else { return "" }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(6)
    return lines.joined(separator: " | ")
  }
}
