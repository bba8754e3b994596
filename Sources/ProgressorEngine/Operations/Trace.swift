import MachineModel

/// Trace: what happened to a machine, as the database has it, past the mailbox and past memory.
/// What a client was told is there: it was written with what it tells of.
extension Engine {
  mutating func trace(_ request: Request, _ namespace: NamespaceState, _ query: TraceQuery) {
    guard ownership.shard(of: request.machine) != nil, ownership.isTrusted(at: now.uptime) else {
      return refuse(request, .notOwnerUnseen)
    }
    assert(!namespace.isGone, "what is gone is asked for nothing")
    register(request, .trace(query), nil, in: namespace)
    effects.append(.readTrace(request.id, namespace.number, request.machine, query))
  }

  mutating func traceRead(_ id: RequestID, _ result: Result<[StepRecord]?, ReadFailure>) {
    // Its caller was answered meanwhile.
    guard let pending = requests[id], case .trace(let query) = pending.work else { return }
    switch result {
    case .failure(let failure): answer(id, .error(failure.error))
    case .success(nil): answer(id, .error(.machineNotFound(pending.request.machine)))
    case .success(let records?):
      let page = Array(records.prefix(Int(query.limit)))
      let next = records.count > page.count ? page.last?.sequence ?? 0 : 0
      answer(id, .traced(page, next: next))
    }
    assert(requests[id] == nil, "what is read is the answer, whatever it is")
  }
}
