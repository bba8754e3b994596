/// Why a node cannot run, in one text for people that says what to do.
public struct NodeFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of obstacle it is: the program's exit code follows from it.
  public enum Kind: Sendable, Hashable {
    /// A setting that only the start can judge is wrong.
    case configuration
    /// The database, or the programs of the private cluster, are not there.
    case databaseUnavailable
    /// The database is there and cannot be used: damaged, of another version, not durable.
    case databaseUnusable
    /// Another server has the data directory.
    case dataDirectoryInUse
    /// The data directory cannot be read, written or understood.
    case dataDirectoryUnusable
    /// Another process has the address.
    case addressInUse
    /// The address cannot be listened on.
    case addressUnusable
    /// The database was restored from a backup, and nobody said that it may go on.
    case restored
    /// It was told to stop while it started.
    case stopped
  }

  /// The kind of obstacle.
  public let kind: Kind
  /// What is wrong and what to do, without secrets.
  public let description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
