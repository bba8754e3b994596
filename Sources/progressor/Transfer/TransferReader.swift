import MachineModel
import ProgressorProto
import ProgressorServer

/// Reads machines off JSON lines, each as a whole, and refuses what no server would take: with the
/// line and the field that are wrong.
struct TransferReader {
  /// What is wrong with the input.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// A machine, in the pieces in which its lines came.
  struct ReadMachine {
    let id: String
    /// Of its head.
    let line: Int
    fileprivate(set) var parts: [MachinePart]
  }

  private var input: TransferInput
  private var assembly: MachineAssembly?
  private var machine: ReadMachine?

  init(path: String?) throws {
    input = try TransferInput(path: path)
  }

  /// The next machine; nil = the input is over.
  mutating func next() throws -> ReadMachine? {
    while let line = try input.next() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      if let complete = try take(line) { return complete }
    }
    if let machine { throw incomplete(machine) }
    return nil
  }

  private func incomplete(_ machine: ReadMachine) -> Failure {
    Failure(
      description: "machine \(PayloadText.line(machine.id).text) of line \(machine.line) has no "
        + "end: the input is cut off")
  }

  private mutating func take(_ line: [UInt8]) throws(Failure) -> ReadMachine? {
    let tree: JSONTree
    do throws(JSONReader.Failure) { tree = try JSONReader.read(line[...]) } catch {
      throw Failure(
        description: "line \(input.number), byte \(error.offset + 1): it is no JSON: \(error.what)")
    }
    let part: MachinePart
    do throws(JSONFields.Failure) { part = try TransferJSON.part(tree) } catch {
      throw Failure(description: "line \(input.number): \(error.description)")
    }
    return try add(part)
  }

  private mutating func add(_ part: MachinePart) throws(Failure) -> ReadMachine? {
    if case .head(let head) = part {
      // One that is cut off may come again: an export that went on where it was interrupted.
      if let machine, !machine.id.utf8.elementsEqual(head.id.utf8) { throw incomplete(machine) }
      assembly = MachineAssembly(limits: .widest, now: NodeClock().now().wall)
      machine = ReadMachine(id: head.id, line: input.number, parts: [])
    }
    if case .end(let end) = part, end.discarded != nil, machine != nil {
      (assembly, machine) = (nil, nil)
      return nil
    }
    do throws(ProgressorError) {
      guard assembly != nil else {
        throw .invalidArgument(field: part.lineName, "comes before the line `machine`")
      }
      try ImportRules.check(part)
      try assembly?.add(part, field: "")
    } catch {
      throw Failure(description: "line \(input.number): \(Self.inWords(error.message))")
    }
    append(part)
    guard let machine, assembly?.isComplete == true else { return nil }
    (assembly, self.machine) = (nil, nil)
    return machine
  }

  /// Events that come one to a line travel together.
  private mutating func append(_ part: MachinePart) {
    guard let last = machine?.parts.popLast() else {
      machine?.parts.append(part)
      return
    }
    switch (last, part) {
    case (.events(var events), .events(let more)) where events.count < Self.eventsPerPart:
      events += more
      machine?.parts.append(.events(events))
    default: machine?.parts += [last, part]
    }
  }

  /// A line has one element: `.events[0].created_at` is its `event.createdAt`.
  private static func inWords(_ message: String) -> String {
    for (path, name) in [
      (".events[0]", "event"), (".notifications[0]", "notification"), (".head", "machine"),
      (".end", "end"),
    ] where message.hasPrefix(path) {
      let rest = message.dropFirst(path.count)
      let field = rest.prefix { $0 != ":" }
      return name + inJSON(field) + rest.dropFirst(field.count)
    }
    return message
  }

  /// `created_at` is `createdAt` in JSON.
  private static func inJSON(_ path: Substring) -> String {
    let words = path.split(separator: "_", omittingEmptySubsequences: false)
    return words.dropFirst().reduce(String(words.first ?? "")) { name, word in
      name + word.prefix(1).uppercased() + word.dropFirst()
    }
  }

  private static let eventsPerPart = 1_000
}

extension MachinePart {
  fileprivate var lineName: String {
    switch self {
    case .head: "machine"
    case .events: "event"
    case .notifications: "notification"
    case .end: "end"
    }
  }

  /// About what it has in a message.
  fileprivate var bytes: Int {
    switch self {
    case .head(let head): 16_384 + (head.auxState?.data.count ?? 0)
    case .events(let events): events.reduce(0) { $0 + 64 + $1.body.data.count }
    case .notifications(let all): all.reduce(0) { $0 + 4_608 + $1.args.count }
    case .end: 512
    }
  }
}

extension TransferReader.ReadMachine {
  /// As messages of about a MiB, or one large element: of the smallest that a server can be told to
  /// take none has more than its bodies demand.
  func messages(for namespace: String) -> [ImportRequest] {
    var messages: [ImportRequest] = []
    var parts: [MachinePart] = []
    var bytes = 0
    for part in self.parts.flatMap(\.pieces) {
      if bytes + part.bytes > 1 << 20, !parts.isEmpty {
        messages.append(ImportRequest(namespace: namespace, parts: parts))
        (parts, bytes) = ([], 0)
      }
      parts.append(part)
      bytes += part.bytes
    }
    messages.append(ImportRequest(namespace: namespace, parts: parts))
    return messages
  }
}

extension MachinePart {
  /// The same in pieces that are no larger than one element, or some small ones.
  fileprivate var pieces: [MachinePart] {
    guard case .events(let events) = self, bytes > 256 << 10 else { return [self] }
    var pieces: [MachinePart] = []
    var some: [Event] = []
    var bytes = 0
    for event in events {
      if bytes + event.body.data.count > 256 << 10, !some.isEmpty {
        pieces.append(.events(some))
        (some, bytes) = ([], 0)
      }
      some.append(event)
      bytes += event.body.data.count + 64
    }
    pieces.append(.events(some))
    return pieces
  }
}
