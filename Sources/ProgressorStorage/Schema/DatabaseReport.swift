/// How a database looks to a node that would serve from it, under the role that asks.
public struct DatabaseReport: Sendable, Hashable {
  /// What keeps a node from serving.
  public struct Problem: Sendable, Hashable {
    /// Who has to do something.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// Who runs the server: its commits would not be durable, or it lacks characters.
      case server
      /// Who migrates: the schema is not the one that this program needs.
      case schema
      /// Who grants: the role lacks something.
      case rights
    }

    /// Whose task it is.
    public let kind: Kind
    /// What is wrong and what to do, for people.
    public let text: String
  }

  /// The server's version, as it says it.
  public var version = ""
  /// Where it was reached: HOST:PORT, or the folder of a socket.
  public var host = ""
  /// The database's name.
  public var database = ""
  /// The role that asked.
  public var role = ""
  /// The newest migration that the schema has; nil = there is no schema.
  public var schemaVersion: Int32?
  /// Migrations that this program needs and the schema lacks, such as `003_pause`.
  public var missing: [String] = []
  /// Migrations that take away what older nodes needed, and can wait.
  public var postponed: [String] = []
  /// Into how many parts machines are divided; nil = that is not fixed yet.
  public var shards: Int32?
  /// Whether the role may migrate the schema, or make it.
  public var mayMigrate = false
  /// What keeps a node from serving; empty = nothing does.
  public var problems: [Problem] = []
  /// What is likely not meant, though a node serves with it.
  public var warnings: [String] = []

  /// Nothing was looked at yet.
  public init() {}

  /// The migration that this program needs at least.
  public static let neededVersion = Migration.all.last { $0.manner != .cleanup }?.number ?? 0
}

/// What migrating did.
public struct MigrationReport: Sendable, Hashable {
  /// Those that were applied, in order, such as `003_pause`; empty = there was nothing to do.
  public let applied: [String]
  /// Those that take away what older nodes needed, and are left to another time: while such a node
  /// has a lease, or somebody holds what they lock.
  public let postponed: [String]
  /// Into how many parts machines are divided.
  public let shards: Int32
}
