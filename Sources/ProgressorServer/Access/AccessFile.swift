import Glibc

/// A small file of settings that may be replaced while the server runs.
struct AccessFile: Sendable {
  /// By what a file is known to have changed: contents that were written anew have another.
  struct Mark: Sendable, Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int
    /// Of the last change, of rights too: who may not read a file yet may read it then.
    private let changed: [Int]

    fileprivate init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      size = Int(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
      changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
  }

  let path: String

  /// What is there now; nil = nothing that could be looked at.
  var mark: Mark? {
    var status = stat()
    return stat(path, &status) == 0 ? Mark(status) : nil
  }

  /// The contents, with the mark of what was read.
  ///
  /// - Parameter isSecret: Whether nobody but its owner may read it.
  func read(
    maximumBytes: Int, isSecret: Bool = false
  ) throws(ConfigurationError) -> (bytes: [UInt8], mark: Mark) {
    // A pipe that nobody writes to would keep the opening waiting for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    if fstat(descriptor, &status) != 0 { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ConfigurationError(place: path, problem: "is no file")
    }
    if isSecret, !Self.isPrivate(status) {
      throw ConfigurationError(
        place: path, problem: "may be read by others than its owner: chmod 600 \(path)")
    }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure()
      }
      if count == 0 { return (bytes, Mark(status)) }
      bytes += piece[..<count]
      if bytes.count > maximumBytes {
        throw ConfigurationError(path, tooLong: maximumBytes)
      }
    }
  }

  /// As PostgreSQL has it of its keys: what belongs to root may be read by a group, too.
  private static func isPrivate(_ status: stat) -> Bool {
    status.st_mode & (status.st_uid == 0 ? 0o037 : 0o077) == 0
  }

  private func failure() -> ConfigurationError {
    ConfigurationError(place: path, problem: "is not readable: \(String(cString: strerror(errno)))")
  }
}

extension ConfigurationError {
  fileprivate init(_ path: String, tooLong limit: Int) {
    self.init(place: path, problem: "is longer than \(limit) bytes")
  }
}
