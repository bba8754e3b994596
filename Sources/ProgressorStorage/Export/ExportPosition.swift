import MachineModel

/// Where the next page of an export begins.
public enum ExportPosition: Sendable, Hashable {
  /// With the machine behind this id, byte by byte; empty = with the first.
  case after(String)
  /// With this machine, from its head on; it was begun so often before.
  case at(String, attempt: Int)
  /// In the middle of a machine.
  case within(Partial)

  /// A machine that was exported in part.
  public struct Partial: Sendable, Hashable {
    /// The machine's id.
    var id: String
    /// The incarnation whose head was exported.
    var key: Int64
    /// Of its row, when it was. Events stay as they are; a queue is as it was only at this version.
    var version: Int64
    /// How many events it had.
    var lastEventID: Int64
    /// The queue is exported up to here; nil = all of it is.
    var sequence: Int64?
    /// The events are exported up to here.
    var event: Int64
    /// How often its head was exported.
    var attempt: Int
  }

  /// A text that `init(text:)` reads.
  public var text: String {
    switch self {
    case .after(let id): "a:\(id)"
    case .at(let id, let attempt): "t:\(attempt):\(id)"
    case .within(let part):
      "w:\(part.key):\(part.version):\(part.lastEventID):\(part.sequence ?? -1):\(part.event)"
        + ":\(part.attempt):\(part.id)"
    }
  }

  /// Nil = it is no such text. Numbers that it names wrongly find nothing, or are seen to be wrong.
  public init?(text: String) {
    let bytes = Array(text.utf8)
    let fields = bytes.first == UInt8(ascii: "w") ? 8 : bytes.first == UInt8(ascii: "t") ? 3 : 2
    let parts = bytes.split(
      separator: UInt8(ascii: ":"), maxSplits: fields - 1, omittingEmptySubsequences: false)
    guard parts.count == fields, parts[0].count == 1 else { return nil }
    let id = String(decoding: parts[fields - 1], as: UTF8.self)
    let numbers = parts[1..<(fields - 1)].compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
    // What is counted on from here has room to.
    guard numbers.count == fields - 2, numbers.allSatisfy({ (-1..<Int64.max / 2).contains($0) }),
      id.isEmpty || (try? MachineID.validate(id, field: "")) != nil
    else { return nil }
    switch bytes[0] {
    case UInt8(ascii: "a"): self = .after(id)
    case UInt8(ascii: "t"): self = .at(id, attempt: Int(numbers[0]))
    case UInt8(ascii: "w"):
      self = .within(
        Partial(
          id: id, key: numbers[0], version: numbers[1], lastEventID: numbers[2],
          sequence: numbers[3] < 0 ? nil : numbers[3], event: max(0, numbers[4]),
          attempt: Int(numbers[5])))
    default: return nil
    }
  }
}
