public import MachineModel

/// Steps that are committed in one transaction: all or none.
public struct CommitBatch: Sendable, Hashable {
  /// Under which storage answers.
  public var id: BatchID
  /// The writer connection of the node it goes through; one batch at a time on each.
  public var slot: Int
  /// At most one record of a batch changes the row of one machine.
  public var records: [CommitRecord]
  /// Somebody may have locked rows of it: storage asks first which, and waits for none, instead of
  /// for as long as a batch waits for a lock. Nothing else depends on it.
  public var expectsLocks: Bool

  /// The most records of one batch.
  public static let maximumRecords = 500
  /// What a batch grows to, in bytes of payload; a larger record goes by itself.
  public static let maximumBytes = 16 << 20

  public init(id: BatchID, slot: Int, records: [CommitRecord], expectsLocks: Bool = false) {
    self.id = id
    self.slot = slot
    self.records = records
    self.expectsLocks = expectsLocks
  }
}

/// Why storage refused a batch for good: the fault of a step in it. What else goes wrong is
/// storage's own to repeat.
public struct CommitRefusal: Sendable, Hashable {
  /// What about the step made it so.
  public enum Fault: Sendable, Hashable {
    /// The database does not take what the step writes, however often it is tried.
    case contents
    /// The rows are not what the engine took them for.
    case conflict
    /// A row that was to be inserted is there.
    case duplicate
    /// It cannot be written now, by itself either, while others can be: it takes too long, or meets
    /// damage that may pass. It may be later. Certainly not written.
    case overdue
    /// Somebody has locked the rows of these machines, one at least of the batch, and of no other
    /// in it. Nothing is written.
    case locked(Set<MachineID>)
    /// The namespace in which it starts a machine is deleted, or is being deleted. Certainly not
    /// written.
    case namespaceGone
  }

  /// What about the step made it so.
  public var fault: Fault
  /// How the database calls it; for people.
  public var code: String
  /// The database's words; for people.
  public var message: String

  public init(_ fault: Fault, code: String, message: String) {
    self.fault = fault
    self.code = code
    self.message = message
  }
}
