import Foundation
import Glibc
import TestThreads
import Testing

@testable import EmbeddedPostgreSQL

@Suite(.ownThreads, .timeLimit(.minutes(2))) struct DataDirectoryTests {
  @Test("A directory that is too long for a socket gets its socket elsewhere")
  func longPath() async throws {
    let workspace = try Workspace()
    let name = (0..<4).map { _ in String(repeating: "long", count: 12) }.joined(separator: "/")
    var socket = ""
    try await withServer(workspace.configuration(name)) { cluster in
      socket = try #require(cluster.socketPath)
      #expect(!socket.hasPrefix(workspace.path))
      try expect("1", from: "SELECT 1", on: cluster)
    }
    #expect(access(socket, F_OK) != 0)
  }

  @Test(
    "A path may have blanks, quotes, commas, backslashes and letters of any script",
    arguments: ["two words", "it's", "a,b", "back\\slash", "Zażółć"])
  func unusualPath(name: String) async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration(name)) { cluster in
      try expect("1", from: "SELECT 1", on: cluster)
    }
  }

  @Test("A socket directory that somebody else made is not trusted")
  func foreignSocketDirectory() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    mkdir(workspace.path + "/data/socket", 0o777)
    chmod(workspace.path + "/data/socket", 0o777)
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .inaccessible)
    #expect(error?.message.contains("not private") == true)
  }

  @Test("What was left by a cut initialization is made anew")
  func cutInitialization() async throws {
    let workspace = try Workspace()
    try workspace.write("15\n", to: "data/postgres.initializing/PG_VERSION")
    try await withServer(workspace.configuration()) { cluster in
      try expect("1", from: "SELECT 1", on: cluster)
    }
    #expect(access(workspace.path + "/data/postgres.initializing", F_OK) != 0)
  }

  @Test("A directory that holds something else is refused and left as it is")
  func somethingElse() async throws {
    let workspace = try Workspace()
    try workspace.write("mine", to: "data/postgres/letters.txt")
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .damaged)
    #expect(error?.advice.contains("nothing was changed") == true)
    let text = try String(
      contentsOfFile: workspace.path + "/data/postgres/letters.txt", encoding: .utf8)
    #expect(text == "mine")
  }

  @Test(
    "A cluster that lacks a file is refused by the name of the file",
    arguments: [
      "global/pg_control", "pg_wal", "base", "postgresql.conf",
    ])
  func missingFile(name: String) async throws {
    let workspace = try Workspace()
    for entry in [
      "base/1", "pg_wal/1", "pg_xact/1", "global/pg_control", "postgresql.conf", "pg_hba.conf",
    ]
    where !entry.hasPrefix(name) {
      try workspace.write("", to: "data/postgres/" + entry)
    }
    try workspace.write("15\n", to: "data/postgres/PG_VERSION")
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .damaged)
    #expect(error?.message.contains("lacks \(name)") == true)
  }

  @Test("A cluster of another major version is refused and says which is needed")
  func otherVersion() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    let version = workspace.path + "/data/postgres/PG_VERSION"
    let file = try #require(FileHandle(forWritingAtPath: version))
    try file.write(contentsOf: Data("99\n".utf8))
    try file.close()
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .otherVersion)
    #expect(error?.advice.contains("postgresql-99") == true)
  }

  @Test("A damaged control file is reported in PostgreSQL's words")
  func damagedControlFile() async throws {
    let workspace = try Workspace()
    try await withServer(workspace.configuration()) { _ in }
    let control = workspace.path + "/data/postgres/global/pg_control"
    let file = try #require(FileHandle(forUpdatingAtPath: control))
    // Behind the version numbers, under the checksum.
    try file.seek(toOffset: 40)
    try file.write(contentsOf: Data(repeating: 0xff, count: 100))
    try file.close()
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .startFailed)
    #expect(error?.message.contains("control file") == true, "\(error?.message ?? "")")
  }

  @Test("Without PostgreSQL the error says how to get it")
  func notInstalled() async throws {
    let workspace = try Workspace()
    var configuration = workspace.configuration()
    configuration.programDirectory = workspace.path
    let error = await startFailure(configuration)
    #expect(error?.kind == .notInstalled)
    #expect(error?.advice.contains("apt-get install postgresql") == true)
  }

  @Test("A file in place of the data directory is refused")
  func file() async throws {
    let workspace = try Workspace()
    try workspace.write("", to: "data")
    #expect(await startFailure(workspace.configuration())?.kind == .inaccessible)
  }

  @Test(
    "For root, a directory that the user postgres cannot pass is named",
    .enabled(if: geteuid() == 0))
  func closedParent() async throws {
    let workspace = try Workspace()
    try FileManager.default.createDirectory(
      atPath: workspace.path + "/closed", withIntermediateDirectories: true)
    chmod(workspace.path + "/closed", 0o700)
    let error = await startFailure(workspace.configuration("closed/data"))
    #expect(error?.kind == .inaccessible)
    #expect(error?.message.hasPrefix("\(workspace.path)/closed does not let") == true)
  }

  @Test(
    "For an ordinary user, a directory that cannot be written is named",
    .enabled(if: geteuid() != 0))
  func readOnlyParent() async throws {
    let workspace = try Workspace()
    chmod(workspace.path, 0o500)
    defer { chmod(workspace.path, 0o700) }
    let error = await startFailure(workspace.configuration())
    #expect(error?.kind == .inaccessible)
    #expect(error?.message.contains(workspace.path) == true)
  }

  @Test("A log beyond its size is put aside at the next start")
  func logRotation() throws {
    let workspace = try Workspace()
    let log = ServerLog(path: workspace.path + "/postgres.log")
    close(try log.open())
    #expect(truncate(log.path, (16 << 20) + 1) == 0)
    close(try log.open())
    #expect(log.size == 0)
    #expect(ServerLog(path: log.path + ".1").size == (16 << 20) + 1)
  }
}
