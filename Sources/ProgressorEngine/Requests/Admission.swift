import MachineModel

/// A request that is not answered yet.
///
/// An object: the table of requests never shrinks, and has a place for each of the most that there
/// were.
final class PendingRequest {
  let request: Request
  let work: Work
  /// nil for `list`, which concerns no machine.
  let machine: ResidentMachine?
  let namespace: NamespaceState
  /// The request's idempotency key, with the hash of what it asks.
  let key: (key: String, fingerprint: [UInt8])?
  /// Its notification waits for a writer or is on its way.
  var isEnqueued = false
  /// Rows are being read for it.
  var isBeingRead = false
  /// Its client went away, and it is over with what has begun.
  var isCancelled = false

  init(
    _ request: Request, _ work: Work, _ machine: ResidentMachine?, _ namespace: NamespaceState,
    key: (key: String, fingerprint: [UInt8])?
  ) {
    self.request = request
    self.work = work
    self.machine = machine
    self.namespace = namespace
    self.key = key
  }
}

/// What a load was for.
enum LoadPurpose {
  case step(ResidentMachine, StepID)
  case notify(ResidentMachine, RequestID)
  case get(ResidentMachine, RequestID)
  /// A machine in nobody's hands became due.
  case wake(ResidentMachine)

  var machine: ResidentMachine {
    switch self {
    case .step(let machine, _), .notify(let machine, _), .get(let machine, _), .wake(let machine):
      machine
    }
  }

  /// The request that it is for, while it is sent.
  var request: RequestID? {
    switch self {
    case .step(let machine, _): machine.running?.requestID
    case .notify(_, let request), .get(_, let request): request
    case .wake: nil
    }
  }
}

struct LoadInFlight {
  let purpose: LoadPurpose
  /// Whose request it is for, answered meanwhile or not.
  let request: RequestID?
}

extension Engine {
  /// Refuses what is over a limit before any effect; else hands the request to its operation.
  mutating func admit(_ request: Request) {
    let places = requests.count + unheardLoads
    guard places < configuration.maximumRequests else {
      counts.requestsRefused += 1
      return refuse(request, .overloaded("the server has too many requests in flight"))
    }
    guard let namespace = namespaces[ExactText(request.machine.namespace)] else {
      return refuse(request, whyUnknown(request))
    }
    // What one namespace holds is never more than what it leaves free, so that none can take
    // everything (dynamic thresholds; Choudhury and Hahne, 1998).
    guard namespace.requests + namespace.unheardLoads <= configuration.maximumRequests - places
    else {
      namespace.counts.count(.requests)
      return refuse(request, .overloaded("the namespace has too many requests in flight"))
    }
    let work = Work(request)
    switch work {
    case .list(let query): list(request, namespace, query)
    case .quiet: awaitQuiet(request, namespace)
    case .read, .notification, .step: admit(request, work, namespace)
    }
  }

  private mutating func admit(_ request: Request, _ work: Work, _ namespace: NamespaceState) {
    let shard = ShardID(of: request.machine, shards: configuration.shards)
    guard shards[shard] != nil, lease.isTrusted(at: now.uptime) else {
      return refuse(request, .notOwner)
    }
    if case .read(let range) = work {
      return get(request, machine(request.machine, shard, namespace), range)
    }
    guard !slots[slot(of: shard)].isDelayed else { return refuse(request, .storageUnavailable) }
    let machine = machine(request.machine, shard, namespace)
    guard hasRoom(machine, for: work) else {
      namespace.counts.count(.mailbox)
      return refuse(request, .overloaded("too many requests wait on the machine"))
    }
    let key = Fingerprint.of(request.operation)
    if let key, !claim(key, for: request, work, machine) { return }
    register(request, work, machine, in: namespace, key)
    enter(request.id, machine)
  }

  /// A node that does not have the machine's shard learns of namespaces later than the owner: it
  /// denies none.
  private func whyUnknown(_ request: Request) -> ProgressorError {
    guard namespacesAreKnown else { return .storageUnavailable }
    // A list concerns no machine.
    let isOwner =
      request.machine.id.isEmpty
      ? !shards.isEmpty
      : shards[ShardID(of: request.machine, shards: configuration.shards)] != nil
    return isOwner && lease.isTrusted(at: now.uptime)
      ? .namespaceNotFound(request.machine.namespace) : .notOwner
  }

  /// Whether another request may wait on the machine. The limit is on what waits beside the one
  /// that runs, and none runs before the first. A notification waits for no step but a start or a
  /// removal, and a pause goes before what waits: a limit of zero forbids neither.
  private func hasRoom(_ machine: ResidentMachine, for work: Work) -> Bool {
    let limit = machine.namespace.mailboxLimit
    guard let step = work.step else { return machine.waitingNotifies.count < max(limit, 1) }
    if step.isUrgent { return machine.mailbox.urgentCount < max(limit, 1) }
    let waiting = machine.mailbox.requestCount
    return waiting < limit || (waiting == 0 && machine.running == nil)
  }

  /// Puts an admitted request to work: into the mailbox, or past it for a notification.
  mutating func enter(_ id: RequestID, _ machine: ResidentMachine) {
    guard let pending = requests[id] else { return }
    guard let step = pending.work.step else {
      notify(id, machine)
      return becameIdle(machine)
    }
    if step.isUrgent {
      machine.mailbox.appendUrgent(id)
      if machine.running?.phase == .gated { stepBack(machine) }
    } else {
      machine.mailbox.append(id, endsWithMachine: step.endsWithMachine)
      machine.namespace.longestMailbox.record(
        machine.mailbox.requestCount - (machine.running == nil ? 1 : 0), at: now.uptime)
    }
    agenda.add(machine)
  }

  mutating func register(
    _ request: Request, _ work: Work, _ machine: ResidentMachine?, in namespace: NamespaceState,
    _ key: (key: String, fingerprint: [UInt8])? = nil
  ) {
    requests[request.id] = PendingRequest(request, work, machine, namespace, key: key)
    namespace.requests += 1
    if let machine {
      machine.requests.insert(request.id)
      residency.charge(request.bytes, to: machine)
    }
    deadlines.push(request.deadline, request.id)
    deadlines.compact(live: requests.count) { requests[$0] != nil }
  }

  /// Takes out a request that is answered, or dropped. If it waited for another one's reply, it
  /// waits no more.
  mutating func take(_ id: RequestID) -> PendingRequest? {
    guard let pending = requests.removeValue(forKey: id) else { return nil }
    pending.namespace.requests -= 1
    if pending.isBeingRead {
      unheardLoads += 1
      pending.namespace.unheardLoads += 1
    }
    pending.namespace.quietWaiters.remove(id)
    if let machine = pending.machine {
      machine.requests.remove(id)
      if !machine.isDropped { residency.charge(-pending.request.bytes, to: machine) }
      if let key = pending.key { machine.keys[ExactText(key.key)]?.leave(id, key.fingerprint) }
    }
    return pending
  }

  /// Takes the key for the request. False when another request holds it: then this one waits for
  /// that one's reply. With other arguments it is refused, once it is known whose the key is: the
  /// one that holds it may be the one that is mistaken.
  private mutating func claim(
    _ key: (key: String, fingerprint: [UInt8]), for request: Request, _ work: Work,
    _ machine: ResidentMachine
  ) -> Bool {
    guard let pending = machine.keys[ExactText(key.key)] else {
      machine.keys[ExactText(key.key)] = PendingKey(owner: request.id, fingerprint: key.fingerprint)
      return true
    }
    if pending.isConfirmed, pending.fingerprint != key.fingerprint {
      refuse(request, .keyReused)
      return false
    }
    guard pending.waiterCount < machine.namespace.mailboxLimit else {
      machine.namespace.counts.count(.mailbox)
      refuse(request, .overloaded("too many requests wait on the idempotency key"))
      return false
    }
    machine.keys[ExactText(key.key)]?.wait(request.id, key.fingerprint)
    register(request, work, machine, in: machine.namespace, key)
    return false
  }

  mutating func refuse(_ request: Request, _ error: ProgressorError) {
    effects.append(.reply(request.id, .error(error)))
  }

  /// Answers a request, once, and ends what hangs on its idempotency key.
  mutating func answer(_ id: RequestID, _ reply: Reply) {
    let pending = take(id)
    if pending != nil { effects.append(.reply(id, reply)) }
    if let pending, let key = pending.key, let machine = pending.machine {
      settle(key.key, owner: id, reply, machine)
    }
  }

  /// The request that held a key ended: OK is everybody's reply; after an error the next one tries.
  mutating func settle(
    _ key: String, owner: RequestID, _ reply: Reply, _ machine: ResidentMachine
  ) {
    let key = ExactText(key)
    guard machine.keys[key]?.owner == owner else { return }
    if StoredReply(reply) != nil {
      guard let pending = machine.keys.removeValue(forKey: key) else { return }
      for waiter in pending.allWaiters {
        guard let request = take(waiter) else { continue }
        let isRepeat = request.key?.fingerprint == pending.fingerprint
        effects.append(.reply(waiter, isRepeat ? reply : .error(.keyReused)))
      }
    } else if let next = machine.keys[key]?.handOver() {
      enter(next, machine)
    } else {
      machine.keys[key] = nil
    }
  }

  /// The database knows nothing of the key: it is its owner's, and who asks something else under it
  /// is mistaken.
  mutating func confirm(_ key: String, owner: RequestID, _ machine: ResidentMachine) {
    guard machine.keys[ExactText(key)]?.owner == owner else { return }
    for id in machine.keys[ExactText(key)]?.confirm() ?? [] { tell(id, .keyReused) }
  }

  /// The caller went away. What has begun goes on, and counts as a request until its answer, which
  /// nobody hears: so a client that cancels has no more work done than another.
  mutating func cancel(_ id: RequestID) {
    guard let pending = requests[id] else { return }
    guard hasBegun(id, pending) else {
      if !pending.isBeingRead { return drop(id, .error(.cancelled)) }
      // Nothing else is begun for it.
      pending.isCancelled = true
      return
    }
    if let step = pending.machine?.running, step.requestID == id,
      case .invoking(let attempt) = step.phase
    {
      effects.append(.callOff(step.id, attempt: attempt))
    }
  }

  mutating func expireRequests() {
    while let id = deadlines.pop(at: now.uptime) {
      drop(id, .error(.deadlineExceeded))
    }
  }

  /// The caller no longer waits. What has not begun is dropped; what has begun runs to its commit,
  /// and its key stays taken until then.
  mutating func drop(_ id: RequestID, _ reply: Reply) {
    guard let pending = take(id) else { return }
    effects.append(.reply(id, reply))
    guard let machine = pending.machine else { return }
    machine.waitingReads.remove(id)
    let isRunning = machine.running?.requestID == id
    if hasBegun(id, pending) { return keepCharging(pending) }
    machine.mailbox.remove(id)
    machine.waitingNotifies.remove(id)
    if let key = pending.key {
      settle(key.key, owner: id, reply, machine)
    }
    if isRunning, machine.running?.phase == .gated {
      end(machine)
    } else if machine.running == nil {
      agenda.add(machine)
    }
  }
}

/// What the client sent belongs to its step, or its notification, alone once the request is
/// answered.
extension Engine {
  /// The request is answered before the work for it is over.
  mutating func keepCharging(_ pending: PendingRequest) {
    guard let machine = pending.machine, !machine.isDropped else { return }
    let bytes = pending.request.heapBytes
    if let step = machine.running, step.requestID == pending.request.id {
      machine.running?.unheardBytes = bytes
      hold(step.heldBytes, machine)
    } else if pending.isEnqueued {
      machine.unheardBytes += bytes
      residency.charge(machine)
    }
  }

  /// The notification is written, or never will be.
  mutating func releaseUnheard(
    _ notification: QueuedNotification, _ request: RequestID, _ record: CommitRecord,
    _ machine: ResidentMachine
  ) {
    guard requests[request] == nil else { return }
    machine.unheardBytes -=
      notification.args.heapBytes + notification.context.heapBytes
      + (record.idempotency?.key.heapBytes ?? 0)
    residency.charge(machine)
  }
}

extension Engine {
  /// Whether work is done for a request that can no longer be called off: reading for Get and List,
  /// a processor's call, a commit.
  private func hasBegun(_ id: RequestID, _ pending: PendingRequest) -> Bool {
    guard let machine = pending.machine else { return true }
    if case .read = pending.work { return true }
    guard machine.running?.requestID == id else { return pending.isEnqueued }
    switch machine.running?.phase {
    case .invoking, .committing: return true
    case .loading, .gated, nil: return false
    }
  }
}

extension ProgressorError {
  static let keyReused = ProgressorError.invalidArgument(
    field: "idempotency_key", "was used with another method or other arguments")
}
