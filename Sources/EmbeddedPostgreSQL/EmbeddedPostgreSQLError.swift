/// Why the private PostgreSQL cluster cannot serve, and what a person can do about it.
public struct EmbeddedPostgreSQLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of obstacle it is.
  public enum Kind: String, Hashable, Sendable {
    /// No PostgreSQL programs of a usable version.
    case notInstalled
    /// Another server holds the data directory.
    case inUse
    /// The data directory cannot be reached, read or written.
    case inaccessible
    /// There is something in the data directory that is no complete cluster.
    case damaged
    /// The cluster was made by another major version than is installed.
    case otherVersion
    /// `initdb` or `postgres` gave up or took too long.
    case startFailed
    /// The cluster was told to stop while it started.
    case stopped
  }

  /// What stopped it, for whoever decides what to do next.
  public let kind: Kind

  /// What is wrong, naming the file or program.
  public let message: String

  /// What to do about it; empty when there is no general advice.
  public let advice: String

  public init(_ kind: Kind, _ message: String, advice: String = "") {
    self.kind = kind
    self.message = message
    self.advice = advice
  }

  public var description: String {
    advice.isEmpty ? message : "\(message); \(advice)"
  }
}
