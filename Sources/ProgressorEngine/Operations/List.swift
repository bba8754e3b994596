import MachineModel

/// List, Count, ListNotifications and ListMessages: what is committed, of many rows, as the
/// database has it.
extension Engine {
  mutating func list(_ request: Request, _ namespace: NamespaceState, _ question: ListQuestion) {
    guard ownership.mayAct(at: now.uptime) else { return refuse(request, .notOwnerUnseen) }
    assert(!namespace.isGone, "what is gone is asked for nothing")
    register(request, .list(question), nil, in: namespace)
    let listing: Listing =
      switch question {
      case .machines(let query):
        .machines(namespace.number, namespace: namespace.settings.name, query)
      case .counts: .counts(namespace.number)
      case .notifications(let query):
        .notifications(
          ShardID(of: request.machine, shards: configuration.shards), namespace.number,
          request.machine, query)
      case .messages(let query):
        .messages(
          ShardID(of: request.machine, shards: configuration.shards), namespace.number,
          request.machine, query)
      }
    effects.append(.list(request.id, listing))
  }

  mutating func listed(_ id: RequestID, _ result: Result<Listed, ReadFailure>) {
    // Its caller was answered meanwhile.
    guard let pending = requests[id], case .list(let question) = pending.work else { return }
    switch (question, result) {
    case (_, .failure(let failure)): answer(id, .error(failure.error))
    case (.machines(let query), .success(.machines(let page))):
      answer(id, reply(to: query, with: page))
    case (.counts, .success(.counts(let counts))): answer(id, .counted(counts))
    case (.notifications, .success(.notifications(let page))):
      answer(
        id, page.map(Reply.notifications) ?? .error(.machineNotFound(pending.request.machine)))
    case (.messages, .success(.messages(let page))):
      answer(id, page.map(Reply.messages) ?? .error(.machineNotFound(pending.request.machine)))
    default: assertionFailure("a listing is answered with another one's rows")
    }
  }

  private func reply(to query: ListQuery, with page: MachinePage) -> Reply {
    let size = Int(query.pageSize)
    let last = page.machines.count > size ? page.machines[size - 1].machineID.id : page.reached
    var machines = Array(page.machines.prefix(size))
    // What is due and runs is not late. Only this core's own steps are known here.
    if query.status == .late {
      machines.removeAll { residency[$0.machineID]?.running?.hasBegun == true }
    }
    return .listed(machines, last: last)
  }
}
