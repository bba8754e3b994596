import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The file of a Unix domain socket: it outlives the process that listened on it.
enum UnixSocketFile {
  static let addressInUse = EADDRINUSE

  /// The longest path that fits `sockaddr_un`, less the terminating zero.
  private static let maxPathLength = 107

  /// Removes a socket that nobody listens on any more.
  ///
  /// - Throws: `addressInUse` when somebody does; `cannotBind` when the path is too long or is
  ///   something else than a socket.
  static func prepare(_ path: String, group: any EventLoopGroup) async throws(ServerError) {
    guard path.utf8.count <= maxPathLength, !path.isEmpty else {
      throw .cannotBind(
        .unix(path: path), reason: "the path must have 1 to \(maxPathLength) bytes")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw .cannotBind(.unix(path: path), reason: "the file exists and is no socket")
    }
    if let other = try? await ClientBootstrap(group: group).connect(unixDomainSocketPath: path)
      .get()
    {
      try? await other.close()
      throw .addressInUse(.unix(path: path))
    }
    remove(path)
  }

  /// Whether there is a file of any kind.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Removes the file, if it is there.
  static func remove(_ path: String) {
    unlink(path)
  }
}

/// How many files the process may have open.
enum FileDescriptorLimit {
  /// Descriptors that are left to everything but connections.
  private static let reserve = 100

  /// How many connections fit.
  static var connections: Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let result = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #else
      let result = getrlimit(RLIMIT_NOFILE, &limit)
    #endif
    guard result == 0 else { return 1_024 - reserve }
    return max(1, Int(clamping: limit.rlim_cur) - reserve)
  }
}
