import Foundation
import Glibc
import TestThreads
import Testing

@testable import EmbeddedPostgreSQL

@Suite(.ownThreads, .timeLimit(.minutes(2))) struct PrivateServerTests {
  @Test("A cluster is made once, durable by default, and keeps its data over a restart")
  func restart() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { cluster in
      try expect("on", from: "SHOW fsync", on: cluster)
      try expect("on", from: "SHOW synchronous_commit", on: cluster)
      try expect("UTF8", from: "SHOW server_encoding", on: cluster)
      try expect("C", from: "SHOW lc_collate", on: cluster)
      try expect("", from: "SHOW listen_addresses", on: cluster)
      _ = try query("CREATE TABLE a AS SELECT 42 AS i", on: cluster)
    }
    try await withServer(workspace.configuration()) { cluster in
      try expect("42", from: "SELECT i FROM a", on: cluster)
    }
  }

  @Test("Stop ends PostgreSQL cleanly, closes the socket and frees the data directory")
  func stop() async throws {
    let workspace = try Workspace()
    let cluster = makeServer(workspace.configuration())
    try await cluster.start()
    let process = try #require(cluster.processID)
    await cluster.stop()
    await cluster.stop()
    #expect(!isAlive(process))
    #expect(cluster.processID == nil)
    #expect(access(workspace.path + "/data/postgres/postmaster.pid", F_OK) != 0)
    #expect(access(workspace.path + "/data/socket", F_OK) != 0)
    let log = try String(contentsOfFile: workspace.path + "/data/postgres.log", encoding: .utf8)
    #expect(log.contains("received fast shutdown request"))
    _ = try DataDirectoryLock(file: workspace.path + "/data/lock")
  }

  @Test("A frozen PostgreSQL is killed with all its processes, and the next start recovers")
  func frozen() async throws {
    let workspace = try Workspace()
    let cluster = makeServer(workspace.configuration())
    try await cluster.start()
    _ = try query("CREATE TABLE a AS SELECT 42 AS i", on: cluster)
    let processes = try workspace.processes(of: "data/postgres")
    #expect(processes.count > 3)
    for process in processes { kill(process, SIGSTOP) }
    await cluster.stop(within: .milliseconds(100))
    #expect(cluster.processID == nil)
    try await eventually { try workspace.processes(of: "data/postgres").isEmpty }
    try await withServer(workspace.configuration()) { cluster in
      try expect("42", from: "SELECT i FROM a", on: cluster)
    }
  }

  @Test("The socket's directory is open to nobody else")
  func privateSocket() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { cluster in
      let status = try #require(try FileStatus(of: workspace.path + "/data/socket"))
      #expect(status.permissions == 0o700)
      #expect(status.owner != 0)
    }
  }

  @Test("A second server on the same data directory is refused and told who holds it")
  func locked() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { cluster in
      let process = cluster.processID
      let error = await startFailure(workspace.configuration())
      #expect(error?.kind == .inUse)
      #expect(error?.message.contains("process \(getpid())") == true)
      #expect(cluster.processID == process)
      try expect("1", from: "SELECT 1", on: cluster)
    }
  }

  @Test("PostgreSQL that dies is started again with what was committed")
  func killed() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { cluster in
      _ = try query("CREATE TABLE a AS SELECT 42 AS i", on: cluster)
      for _ in 0..<2 {
        let process = try #require(cluster.processID)
        kill(process, SIGKILL)
        try await eventually {
          cluster.processID != process && (try? query("SELECT i FROM a", on: cluster)) == "42"
        }
      }
    }
  }

  @Test("PostgreSQL shuts down when the thread that started it is gone")
  func deathSignal() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    let launch = try ServerLaunch(
      preparing: workspace.configuration(), logger: .init(label: "test"))
    // The thread ends once PostgreSQL is ready.
    let child = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        do {
          let child = try launch.spawn()
          let cluster = workspace.path + "/data/postgres"
          while !child.hasEnded, PostmasterFile(inCluster: cluster)?.isReady != true {
            sched_yield()
          }
          continuation.resume(returning: child)
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
    try await eventually { child.hasEnded }
    #expect(child.reap() == .exited(0))
  }

  @Test("An orphan that a killed server left is stopped before another PostgreSQL is started")
  func orphan() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { cluster in
      _ = try query("CREATE TABLE a AS SELECT 42 AS i", on: cluster)
    }
    let orphan = try startOrphan(workspace)
    let cluster = workspace.path + "/data/postgres"
    try await eventually { PostmasterFile(inCluster: cluster)?.isReady == true }
    try await withServer(workspace.configuration()) { cluster in
      #expect(orphan.hasEnded)
      #expect(cluster.processID != orphan.processID)
      try expect("42", from: "SELECT i FROM a", on: cluster)
    }
    #expect(orphan.reap() == .exited(0))
  }

  @Test("A frozen orphan is killed with all its processes")
  func frozenOrphan() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    let orphan = try startOrphan(workspace)
    let cluster = workspace.path + "/data/postgres"
    try await eventually { PostmasterFile(inCluster: cluster)?.isReady == true }
    for process in try workspace.processes(of: "data/postgres") { kill(process, SIGSTOP) }
    // Its entry stays until it is reaped, as that of a child of ours.
    let reaped = Task.detached { orphan.reap() }
    var configuration = workspace.configuration()
    configuration.stopTimeout = .milliseconds(100)
    try await withServer(configuration) { cluster in
      try expect("1", from: "SELECT 1", on: cluster)
    }
    #expect(await reaped.value == .killed(signal: SIGKILL))
  }

  /// PostgreSQL on the workspace's cluster without a tie to our life.
  private func startOrphan(_ workspace: Workspace) throws -> ChildProcess {
    var launch: ServerLaunch? = try ServerLaunch(
      preparing: workspace.configuration(), logger: .init(label: "test"))
    let command = try #require(launch).command()
    launch = nil
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let arguments = command.arguments.filter { !$0.hasPrefix("--pdeathsig") }
    let untied = Command(program: command.program, arguments: arguments)
    return try ChildProcess.spawn(untied, input: null, output: null)
  }

  @Test("Lock files that name a living process of somebody else are not in the way")
  func misleadingFile() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    let sleeper = try startSleeper()
    defer {
      kill(sleeper.processID, SIGKILL)
      _ = sleeper.reap()
    }
    let cluster = workspace.path + "/data/postgres"
    try workspace.write(
      "\(sleeper.processID)\n\(cluster)\n1700000000\n5432\n\n\n  1234567     0\nready   \n",
      to: "data/postgres/postmaster.pid")
    _ = try SocketDirectory(forDataDirectory: workspace.path + "/data", account: ServerAccount())
    try workspace.write("\(sleeper.processID)\n", to: "data/socket/.s.PGSQL.5432.lock")
    try await withServer(workspace.configuration()) { cluster in
      try expect("1", from: "SELECT 1", on: cluster)
    }
    #expect(!sleeper.hasEnded)
  }

  /// A process of the account that runs PostgreSQL.
  private func startSleeper() throws -> ChildProcess {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let command = try ServerAccount().command(
      try #require(findProgram("sleep")), ["600"], dyingBy: .kill)
    return try ChildProcess.spawn(command, input: null, output: null)
  }

  @Test("A setting that PostgreSQL refuses is reported with its words, and leaves nothing running")
  func refusedSetting() async throws {
    let workspace = try Workspace()
    var configuration = workspace.configuration()
    configuration.settings["shared_buffers"] = "nonsense"
    let error = await startFailure(configuration)
    #expect(error?.kind == .startFailed)
    #expect(error?.message.contains("shared_buffers") == true)
    #expect(error?.advice.contains("postgres.log") == true)
    try await withServer(workspace.configuration()) { cluster in
      try expect("1", from: "SELECT 1", on: cluster)
    }
  }

  @Test("A stop during the start ends it")
  func stopWhileStarting() async throws {
    let workspace = try Workspace()
    let cluster = makeServer(workspace.configuration())
    async let start: Void = cluster.start()
    try await eventually { access(workspace.path + "/data/lock", F_OK) == 0 }
    await cluster.stop()
    // Either it was ready before the stop arrived, or it was told to stop.
    do {
      try await start
    } catch let error as EmbeddedPostgreSQLError {
      #expect(error.kind == .stopped)
    }
    #expect(cluster.processID == nil)
    _ = try DataDirectoryLock(file: workspace.path + "/data/lock")
  }
}
