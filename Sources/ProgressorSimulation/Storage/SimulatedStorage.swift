import MachineModel
import ProgressorEngine

/// The database: what is in here is durable. A transaction takes no time; when it happens is the
/// agenda's to say.
struct SimulatedStorage {
  let shardCount: Int32
  var machines: [MachineID: StoredMachine] = [:]
  var keys: [KeyName: IdempotencyRow] = [:]
  /// By sender and number.
  var messages: [Incarnation: [Int64: MessageRow]] = [:]
  /// Every key that a machine ever had.
  var usedKeys: Set<Incarnation> = []
  var leases: ShardLeases
  var feed: SimulatedFeed
  /// Grows when the database becomes another one, with an earlier state.
  var generation = 0

  init(shards: Int32, namespaces: [NamespaceRecord] = []) {
    shardCount = shards
    leases = ShardLeases(shards: shards)
    feed = SimulatedFeed(namespaces)
  }

  /// Of one snapshot: what the engine asks for, as the database holds it.
  func load(_ request: LoadRequest, now: Timestamp) -> Loaded {
    var loaded = Loaded()
    if let key = request.idempotencyKey {
      let row = keys[KeyName(machine: request.machine, key: key)]
      loaded.idempotency = row.flatMap { $0.expiresAt > now ? $0 : nil }
    }
    guard let machine = machines[request.machine] else { return loaded }
    if request.row {
      loaded.row = machine.row
      loaded.messageNames = names(of: machine.row)
    }
    if request.row || request.notificationsAfter != nil {
      loaded.notifications = page(of: machine, after: request.notificationsAfter ?? 0)
    }
    if let number = request.message {
      let row = machine.row
      loaded.message = messages[Incarnation(shard: row.shard, key: row.key)]?[number]?.pending
    }
    if let range = request.history {
      loaded.history = machine.select(range)
      let bytes = loaded.history.reduce(0) { $0 + $1.body.data.count }
      if bytes > request.historyBytes {
        loaded.history = []
        loaded.historyTooLarge = true
      }
    }
    return loaded
  }

  private func page(of machine: StoredMachine, after sequence: Int64) -> [QueuedNotification] {
    var page: [QueuedNotification] = []
    var bytes = 0
    for notification in machine.notifications where notification.sequence > sequence {
      bytes += notification.args.count
      if page.count == LoadRequest.notificationPage { break }
      if bytes > LoadRequest.notificationPageBytes, !page.isEmpty { break }
      page.append(notification)
    }
    return page
  }

  func list(_ listing: Listing, now: Timestamp) -> Listed {
    switch listing {
    case .machines(_, let namespace, let query):
      return .machines(MachinePage(machines: list(namespace: namespace, query, now: now)))
    case .counts(let number):
      let known = machines.values.filter { $0.row.namespace == number }
      return .counts(
        (StatusFilter.any.rawValue...StatusFilter.late.rawValue).compactMap(StatusFilter.init)
          .map { status in
            let count = known.count { $0.isShown(by: status, now: now) }
            return StatusCount(status: status, count: Int64(count), isCapped: false)
          })
    case .messages(_, _, let name, let query):
      guard let row = machines[name]?.row else { return .messages(nil) }
      let own = (messages[Incarnation(shard: row.shard, key: row.key)] ?? [:]).values
        .map(\.pending).filter { $0.number > query.after }.sorted { $0.number < $1.number }
      let page = own.prefix(Int(query.pageSize))
      return .messages(MessageListPage(messages: Array(page), hasMore: own.count > page.count))
    case .notifications(_, _, let name, let query):
      guard let machine = machines[name] else { return .notifications(nil) }
      let queue = machine.notifications.filter { $0.sequence > query.after }
      let page = queue.prefix(Int(query.pageSize))
      return .notifications(NotificationPage(page, hasMore: queue.count > page.count))
    }
  }

  /// A page of a namespace's machines in the order of their ids' bytes, and one more if there is.
  func list(namespace: String, _ query: ListQuery, now: Timestamp = .latest) -> [Machine] {
    var ids: [String] = []
    for (id, machine) in machines where id.namespace.isExactly(namespace) {
      guard id.id.utf8.starts(with: query.idPrefix.utf8) else { continue }
      if let after = query.after, !after.precedesExactly(id.id) { continue }
      if query.selectsFailures {
        guard let failure = machine.row.failure, failure.failedAt >= query.failedSince ?? .earliest,
          query.failedCode ?? failure.code == failure.code
        else { continue }
      }
      if machine.isShown(by: query.status, now: now) { ids.append(id.id) }
    }
    ids.sort { $0.precedesExactly($1) }
    return ids.prefix(Int(query.pageSize) + 1).compactMap {
      machines[MachineID(namespace: namespace, id: $0)]?.listed
    }
  }

  /// A page of what happened to a machine, the newest record first, and one more if there is; nil =
  /// there is no such machine.
  func trace(_ machine: MachineID, _ query: TraceQuery) -> [StepRecord]? {
    guard let machine = machines[machine] else { return nil }
    let before = query.before == 0 ? Int64.max : query.before
    let found = machine.trace.reversed().drop { $0.sequence >= before }
    return Array(found.prefix(Int(query.limit) + 1))
  }

  /// Machines of a part of the node's shards that are due in a span, oldest first. As the real one,
  /// it looks at so many at most, the others' included.
  func due(_ span: DueSpan, of identity: Int, _ part: ShardPart = .all) -> DuePage {
    var found: [DueMachine] = []
    for (id, machine) in machines where machine.row.namespace == span.namespace {
      guard let due = machine.row.due, due <= span.until else { continue }
      let position = DuePosition(due: due, shard: machine.row.shard, key: machine.row.key)
      if span.from.covers(position) { continue }
      found.append(DueMachine(position: position, machine: id))
    }
    found.sort { $0.position < $1.position }
    let seen = found.prefix(Int(span.limit))
    return DuePage(
      machines: seen.filter {
        let shard = $0.position.shard
        return part.contains(shard) && leases.owner(of: shard) == identity
      },
      reached: seen.count < Int(span.limit)
        ? .end(of: span.until) : seen.last.map { .after($0.position) } ?? span.from)
  }
}
