import MachineModel
import PostgreSQL

/// Makes one transaction after the other, each of so many steps.
protocol BaselineWork: Sendable {
  mutating func next(steps: Int) -> Pipeline
}

/// Appends an event to each of its machines in turn, and updates the machine.
struct BaselineSteps: BaselineWork {
  private let keys: Range<Int64>
  private var lastEvents: [Int64]
  private var position = 0

  /// - Parameter keys: machines that nobody else touches, with one event each.
  init(keys: Range<Int64>) {
    self.keys = keys
    lastEvents = [Int64](repeating: 1, count: keys.count)
  }

  mutating func next(steps: Int) -> Pipeline {
    let now = SQLTimestamp(microseconds: Timestamp.now.microseconds)
    let rows = (0..<steps).map { _ in nextRow() }
    var pipeline = Pipeline()
    if let row = rows.first, steps == 1 {
      append(row, now, to: &pipeline)
    } else {
      append(rows, now, to: &pipeline)
    }
    return pipeline
  }

  private mutating func nextRow() -> (key: Int64, event: Int64) {
    defer { position = (position + 1) % lastEvents.count }
    lastEvents[position] += 1
    return (keys.lowerBound + Int64(position), lastEvents[position])
  }

  private func append(
    _ row: (key: Int64, event: Int64), _ now: SQLTimestamp, to pipeline: inout Pipeline
  ) {
    var event = Parameters()
    event.append(shard(of: row.key))
    event.append(row.key)
    event.append(row.event)
    event.append(now)
    let machine = event
    event.append(Payload.bytes)
    pipeline.append(BaselineStatements.insertEvent, event)
    pipeline.append(BaselineStatements.updateMachine, machine)
  }

  private func append(
    _ rows: [(key: Int64, event: Int64)], _ now: SQLTimestamp, to pipeline: inout Pipeline
  ) {
    var machines = Parameters()
    machines.appendArray(rows) { shard(of: $0.key) }
    machines.appendArray(rows) { $0.key }
    machines.appendArray(rows) { $0.event }
    machines.appendArray(rows) { _ in now }
    var events = machines
    events.appendArray(rows) { _ in Payload.bytes }
    pipeline.append(BaselineStatements.insertEvents, events)
    pipeline.append(BaselineStatements.updateMachines, machines)
  }
}

/// Makes new machines, each with its first event.
struct BaselineStarts: BaselineWork {
  private var nextKey: Int64

  init(firstKey: Int64) {
    nextKey = firstKey
  }

  mutating func next(steps: Int) -> Pipeline {
    let now = SQLTimestamp(microseconds: Timestamp.now.microseconds)
    let keys = nextKey..<nextKey + Int64(steps)
    nextKey = keys.upperBound
    var machines = Parameters()
    machines.appendArray(keys) { shard(of: $0) }
    machines.appendArray(keys)
    var events = machines
    machines.appendArray(keys) { _ in now }
    events.appendArray(keys) { _ in Int64(1) }
    events.appendArray(keys) { _ in now }
    events.appendArray(keys) { _ in Payload.bytes }
    var pipeline = Pipeline()
    pipeline.append(BaselineStatements.insertMachines, machines)
    pipeline.append(BaselineStatements.insertEvents, events)
    return pipeline
  }
}

private func shard(of key: Int64) -> Int32 { Int32(key % 1024) }
