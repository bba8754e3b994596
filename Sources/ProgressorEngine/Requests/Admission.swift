import MachineModel

/// The way in: what is over a limit is refused before any effect. What waits its turn on a machine
/// enters its mailbox: `Machine/Mailbox`.
extension Engine {
  /// Refuses what is over a limit before any effect; else hands the request to its operation.
  mutating func admit(_ request: Request) {
    assert(requests.places <= configuration.maximumRequests, "requests have their bound")
    guard requests.places < configuration.maximumRequests else {
      counts.requestsRefused += 1
      return refuse(request, .overloaded("the server has too many requests in flight"))
    }
    guard let namespace = namespaces[request.machine.namespace] else {
      return refuse(request, whyUnknown(request))
    }
    // What one namespace holds is never more than what it leaves free, so that none can take
    // everything (dynamic thresholds; Choudhury and Hahne, 1998).
    guard
      namespace.places.taken <= configuration.maximumRequests - requests.places
    else {
      namespace.counts.count(.requests)
      return refuse(request, .overloaded("the namespace has too many requests in flight"))
    }
    let work = Work(request)
    switch work {
    case .list(let question): list(request, namespace, question)
    case .trace(let query): trace(request, namespace, query)
    case .quiet: awaitQuiet(request, namespace)
    case .read, .notification, .step: admit(request, work, namespace)
    }
  }

  private mutating func admit(_ request: Request, _ work: Work, _ namespace: NamespaceState) {
    guard let shard = ownership.shard(of: request.machine), ownership.isTrusted(at: now.uptime)
    else { return refuse(request, .notOwnerUnseen) }
    if case .read(let look) = work {
      return get(request, machine(request.machine, shard, namespace), look)
    }
    guard !writers[shard].isDelayed else { return refuse(request, .storageUnavailable) }
    let machine = machine(request.machine, shard, namespace)
    assert(!namespace.isGone, "what is gone is asked for nothing")
    guard hasRoom(machine, for: work) else {
      namespace.counts.count(.mailbox)
      return refuse(request, .overloaded("too many requests wait on the machine"))
    }
    let key = Fingerprint.of(request.operation)
    if let key, !claim(key, for: request, work, machine) { return }
    register(request, work, machine, in: namespace, key)
    enter(request.id, machine)
  }

  mutating func register(
    _ request: Request, _ work: Work, _ machine: ResidentMachine?, in namespace: NamespaceState,
    _ key: (key: String, fingerprint: [UInt8])? = nil
  ) {
    assert(requests.places < configuration.maximumRequests, "what is taken in has a place")
    assert(
      machine.map { $0.namespace === namespace } ?? true, "a request's machine is its namespace's")
    requests.insert(PendingRequest(request, work, machine, namespace, key: key), at: now.uptime)
    if let machine {
      machine.asked(request.id)
      residency.charge(request.bytes, to: machine)
    }
  }

  mutating func refuse(_ request: Request, _ error: ProgressorError) {
    assert(requests[request.id] == nil, "what was taken in is not refused")
    effects.append(.reply(request.id, .error(error)))
  }

  /// A node that does not have the machine's shard learns of namespaces later than the owner: it
  /// denies none.
  private func whyUnknown(_ request: Request) -> ProgressorError {
    guard namespaces.areKnown else { return .storageUnavailable }
    // A list concerns no machine.
    let isOwner =
      request.machine.id.isEmpty
      ? !ownership.isEmpty : ownership.shard(of: request.machine) != nil
    return isOwner && ownership.isTrusted(at: now.uptime)
      ? .namespaceNotFound(request.machine.namespace) : .notOwnerUnseen
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
    guard let pending = requests[id] else {
      return assertionFailure("a request is put to work that is not answered")
    }
    guard let step = pending.work.step else {
      notify(id, machine)
      return becameIdle(machine)
    }
    if step.isUrgent {
      machine.mailbox.appendUrgent(id)
      if machine.running?.station != nil { stepBack(machine) }
    } else {
      machine.mailbox.append(id, endsWithMachine: step.endsWithMachine)
      machine.namespace.longestMailbox.record(
        machine.mailbox.requestCount - (machine.running == nil ? 1 : 0), at: now.uptime)
    }
    ready.add(machine)
  }
}
