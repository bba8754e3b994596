import MachineModel

/// Failed machines, counted by their cause. However many machines and causes there are, it holds no
/// more than so many causes; machines of others are counted together.
struct FailureCauses {
  /// Names and reasons that are not the same byte by byte are two causes.
  struct Cause: Hashable {
    let namespace: ExactText
    let code: Int32
    let step: StepKind
    let reason: ExactText
  }

  /// The machines of a cause.
  struct Machines: Hashable {
    private(set) var count: Int64 = 1
    /// When the first and the newest failed.
    private(set) var since: Timestamp
    private(set) var last: Timestamp
    /// The id of the newest.
    private(set) var example: String

    fileprivate init(_ id: String, _ failedAt: Timestamp) {
      (since, last, example) = (failedAt, failedAt, id)
    }

    fileprivate mutating func add(_ id: String, _ failedAt: Timestamp) {
      count += 1
      since = min(since, failedAt)
      if failedAt > last { (last, example) = (failedAt, id) }
    }
  }

  private let maximum: Int
  private var causes: [Cause: Machines] = [:]
  /// Of all causes that came when there were as many as there may be.
  private(set) var others: Machines?

  init(maximum: Int = 1_000) { self.maximum = maximum }

  /// Counts a machine; one that works is none of them.
  mutating func add(_ machine: Machine) {
    guard case .failed(let failure) = machine.status else { return }
    let id = machine.machineID.id
    let cause = Cause(
      namespace: ExactText(machine.machineID.namespace), code: failure.code, step: failure.stepKind,
      reason: ExactText(failure.reason))
    if causes[cause] == nil, causes.count >= maximum {
      guard others != nil else {
        others = Machines(id, failure.failedAt)
        return
      }
      others?.add(id, failure.failedAt)
    } else {
      causes[cause]?.add(id, failure.failedAt)
      if causes[cause] == nil { causes[cause] = Machines(id, failure.failedAt) }
    }
  }

  /// The most machines first; of as many the newest.
  var sorted: [(cause: Cause, machines: Machines)] {
    causes.map { (cause: $0.key, machines: $0.value) }.sorted { left, right in
      let (one, other) = (left.machines, right.machines)
      if one.count != other.count { return one.count > other.count }
      if one.last != other.last { return one.last > other.last }
      return (left.cause.namespace, left.cause.reason, one.example)
        < (right.cause.namespace, right.cause.reason, other.example)
    }
  }
}
