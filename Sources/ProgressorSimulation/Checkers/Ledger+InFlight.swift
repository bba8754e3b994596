import MachineModel
import ProgressorEngine

/// What of a namespace's limits its steps take on a node, as its engines must see it. What is not
/// seen from outside is left out: steps that are decided and not in a batch yet.
extension Ledger {
  /// An engine sends a batch: the steps in it are not over before it hears of its end. Those that
  /// stand aside, since they could not be written before, take nobody's place.
  mutating func sent(_ batch: CommitBatch, by node: Int) {
    for record in batch.records {
      let place = NodeMachine(node: node, machine: record.machine)
      guard !aside.contains(place), let tag = record.events.first.flatMap(Tag.number),
        tag < UInt64(invocations.count), invocations[Int(tag)].machine == record.machine
      else { continue }
      written(place)
      beingWritten[place] = record.namespace
      let namespace = NodeNamespace(node: node, namespace: record.namespace)
      stepsBeingWritten[namespace, default: 0] += 1
    }
  }

  /// The engine hears how a batch ended.
  mutating func heard(_ batch: CommitBatch, by node: Int) {
    for record in batch.records { written(NodeMachine(node: node, machine: record.machine)) }
  }

  /// A step's answer is not on its way to the database any more, or nobody's.
  mutating func written(_ place: NodeMachine) {
    guard let namespace = beingWritten.removeValue(forKey: place) else { return }
    stepsBeingWritten[NodeNamespace(node: place.node, namespace: namespace), default: 0] -= 1
  }

  /// The engine drops the machines of a batch that is fenced, and what they wait for.
  mutating func givenUp(_ batch: CommitBatch, by node: Int) {
    for record in batch.records {
      let place = NodeMachine(node: node, machine: record.machine)
      if let number = active[place] { release(number) }
    }
  }

  /// The engine does not count the invocation any more, though its end may not have reached it.
  mutating func release(_ number: Int) {
    guard invocations[number].isCounted else { return }
    invocations[number].isCounted = false
    let record = invocations[number]
    callsInFlight[NodeNamespace(node: record.node, namespace: record.namespace), default: 0] -= 1
  }
}

extension Tag {
  fileprivate static func number(in event: Event) -> UInt64? { number(in: event.body.data) }
}
