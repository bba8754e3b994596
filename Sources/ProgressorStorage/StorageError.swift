/// Why storage cannot begin. The text is for people and says what to do.
public struct StorageError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What it takes to begin after all: time, or somebody who changes something.
  public enum Kind: Sendable, Hashable {
    /// The database cannot be reached now.
    case unreachable
    /// The database gives fewer sessions than are needed, now.
    case crowded
    /// Another node changes the schema, and was waited for as long as it was said to be.
    case busy
    /// The server is set up so that commits would not be durable, is no PostgreSQL that will do, or
    /// the text that says where it is says nothing.
    case unfit
    /// The schema was made by a newer version of this program, or is damaged, or is that of an
    /// older version and may not be changed here.
    case schema
    /// The role lacks rights that serving needs, or changing the schema.
    case rights
  }

  /// What is wrong, for whoever decides whether to try again.
  public let kind: Kind
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
