import Foundation
import Glibc
import Logging

/// Everything that has to be right before `postgres` may be started, and the lock that keeps it so.
struct ServerLaunch {
  let installation: Installation
  let socketDirectory: SocketDirectory
  let log: ServerLog
  private let configuration: PrivateServerConfiguration
  private let account: ServerAccount
  private let lock: DataDirectoryLock

  /// Blocks: makes directories, takes the lock, stops an orphan, and makes the cluster if there is
  /// none.
  init(preparing given: PrivateServerConfiguration, logger: Logger) throws(EmbeddedPostgreSQLError)
  {
    var configuration = given
    try Self.makeDataDirectory(configuration.dataDirectory)
    configuration.dataDirectory = resolvedPath(configuration.dataDirectory)
    lock = try DataDirectoryLock(file: configuration.lockPath)
    self.configuration = configuration
    log = ServerLog(path: configuration.logPath)

    let directory = ClusterDirectory(path: configuration.clusterPath)
    let content = try directory.inspect()
    switch content {
    case .none:
      account = try ServerAccount()
      installation = try Installation.find(in: configuration.programDirectory)
      try account.checkAccess(to: configuration.dataDirectory)
      logger.info("making a PostgreSQL cluster", metadata: ["directory": "\(directory.path)"])
      try directory.initialize(
        installation, account: account, names: ClusterNames(),
        isDurable: configuration.initializesDurably)
    case .cluster(let majorVersion, let owner):
      account = try ServerAccount(ownerOfCluster: owner)
      installation = try Installation.find(
        in: configuration.programDirectory, majorVersion: majorVersion)
      try account.checkAccess(to: configuration.dataDirectory)
      try Orphan(inCluster: directory.path)?
        .stop(patience: configuration.stopTimeout, logger: logger)
      if let file = PostmasterFile(inCluster: directory.path),
        file.removeIfMisleading(inCluster: directory.path)
      {
        logger.notice("removed postmaster.pid, which named a process of somebody else")
      }
    }
    socketDirectory = try SocketDirectory(
      forDataDirectory: configuration.dataDirectory, account: account)
    if !PostmasterFile.isUsed(cluster: directory.path) { socketDirectory.removeLock() }
  }

  func spawn() throws(EmbeddedPostgreSQLError) -> ChildProcess {
    let output = try log.open()
    defer { close(output) }
    let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system("cannot open /dev/null") }
    defer { close(input) }
    return try ChildProcess.spawn(command(), input: input, output: output)
  }

  func command() throws(EmbeddedPostgreSQLError) -> Command {
    try account.command(
      installation.program("postgres"),
      configuration.arguments(socketDirectory: socketDirectory.path), dyingBy: .interrupt)
  }

  static func makeDataDirectory(_ path: String) throws(EmbeddedPostgreSQLError) {
    if let status = try FileStatus(of: path) {
      if status.isDirectory { return }
      throw EmbeddedPostgreSQLError(.inaccessible, "the data directory \(path) is not a directory")
    }
    let parent = (path as NSString).deletingLastPathComponent
    if !parent.isEmpty {
      do {
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      } catch {
        throw EmbeddedPostgreSQLError(
          .inaccessible, "cannot make the directory \(parent): \(error.localizedDescription)",
          advice: "choose a data directory that this user can write")
      }
    }
    // The user postgres has to pass through a directory of root's, but not to list it.
    try makeDirectory(path, mode: geteuid() == 0 ? 0o711 : 0o700)
  }
}
