import Foundation
import Glibc

/// What is known of a backup: `backup.json` in its folder, written last. A folder without it is
/// none.
public struct BackupFacts: Codable, Sendable, Hashable {
  /// Of the folder: `backup.json` and `postgres`, a copy of a cluster with all that it needs.
  public var format = 1
  /// What was acknowledged before is in it. RFC 3339.
  public var beganAt: String
  /// What was acknowledged afterwards is not.
  public var endedAt: String
  /// The major version of PostgreSQL that can read it.
  public var postgreSQL: Int
  /// The version of the program that made it.
  public var program: String

  static let fileName = "backup.json"

  /// Of the backup in the folder.
  ///
  /// - Throws: `damaged` when it is none, or is not complete.
  public init(inBackup path: String) throws(EmbeddedPostgreSQLError) {
    let file = path + "/" + Self.fileName
    guard let status = try FileStatus(of: path), status.isDirectory else {
      throw EmbeddedPostgreSQLError(.damaged, "there is no backup in \(path)")
    }
    guard try FileStatus(of: file) != nil else {
      throw EmbeddedPostgreSQLError(
        .damaged, "\(path) is no backup, or was interrupted: there is no \(Self.fileName) in it")
    }
    guard let data = FileManager.default.contents(atPath: file),
      let facts = try? JSONDecoder().decode(BackupFacts.self, from: data)
    else { throw EmbeddedPostgreSQLError(.damaged, "\(file) cannot be read") }
    guard facts.format == 1 else {
      throw EmbeddedPostgreSQLError(
        .otherVersion, "\(path) is a backup of form \(facts.format), this program reads 1")
    }
    self = facts
  }

  init(beganAt: Date, endedAt: Date, postgreSQL: Int, program: String) {
    self.beganAt = Self.text(beganAt)
    self.endedAt = Self.text(endedAt)
    self.postgreSQL = postgreSQL
    self.program = program
  }

  /// In whole seconds, and not before the time.
  static func text(_ date: Date) -> String {
    Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.up)).formatted(.iso8601)
  }
}

/// Tells that a data directory was restored from a backup, and that nobody has said so far that it
/// may go on: `restored.json` in the data directory.
public struct RestoredMark: Codable, Sendable, Hashable {
  /// The backup that it was restored from.
  public var backup: BackupFacts
  /// When. RFC 3339.
  public var restoredAt: String
  /// The copy is there as a whole.
  public var isComplete: Bool

  private static func path(_ dataDirectory: String) -> String { dataDirectory + "/restored.json" }

  /// Of a data directory; nil = it has none.
  ///
  /// - Throws: `damaged` when it cannot be read: then nothing may go on either.
  public static func read(
    dataDirectory: String
  ) throws(EmbeddedPostgreSQLError) -> RestoredMark? {
    let path = path(dataDirectory)
    // It has the form of a data directory, and must stay what it is.
    if try FileStatus(of: dataDirectory + "/" + BackupFacts.fileName) != nil {
      throw EmbeddedPostgreSQLError(
        .damaged, "\(dataDirectory) is a backup",
        advice: "restore it to another directory: progressor restore")
    }
    guard try FileStatus(of: path) != nil else { return nil }
    guard let data = FileManager.default.contents(atPath: path),
      let mark = try? JSONDecoder().decode(RestoredMark.self, from: data)
    else {
      throw EmbeddedPostgreSQLError(
        .damaged, "\(path), which says what the data directory was restored from, cannot be read",
        advice: "restore it again")
    }
    return mark
  }

  /// It may go on.
  public static func remove(dataDirectory: String) throws(EmbeddedPostgreSQLError) {
    guard unlink(path(dataDirectory)) == 0 || errno == ENOENT else {
      throw .system("cannot remove \(path(dataDirectory))")
    }
    try synchronizeDirectory(dataDirectory)
  }

  func write(dataDirectory: String) throws(EmbeddedPostgreSQLError) {
    try writeDurably(self, to: Self.path(dataDirectory))
  }
}

/// Writes JSON in place of a file, as a whole or not at all.
func writeDurably(_ value: some Encodable, to path: String) throws(EmbeddedPostgreSQLError) {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
  guard let data = try? encoder.encode(value) else {
    throw EmbeddedPostgreSQLError(.inaccessible, "cannot write \(path)")
  }
  let temporary = path + ".new"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw .system("cannot write \(temporary)") }
  defer { close(descriptor) }
  let bytes = [UInt8](data) + [UInt8(ascii: "\n")]
  guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
    rename(temporary, path) == 0
  else { throw .system("cannot write \(path)") }
  try synchronizeDirectory((path as NSString).deletingLastPathComponent)
}
