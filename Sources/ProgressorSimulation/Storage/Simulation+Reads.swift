import MachineModel
import ProgressorEngine

/// The readers' shell: reads on their way, and what the network does to them.
extension Simulation {
  func read(_ read: Read, _ node: SimulatedNode) {
    let slow = plan.strikes(.loadSlow, &random)
    agenda.plan(
      .read(node: node.number, life: node.life, read),
      after: slow ? random.duration(upTo: world.longPause) : random.within(20...500))
  }

  /// The snapshot is taken now; it reaches the engine later, and much may happen in between.
  func perform(_ read: Read, for node: SimulatedNode) {
    var failure: ReadFailure?
    if isStorageOut || plan.strikes(.loadFailed, &random) { failure = .unavailable }
    if plan.strikes(.loadUnreadable, &random) { failure = .unreadable("damaged") }
    if failure == nil, noticesAnotherDatabase(node) { failure = .unavailable }
    let input: Input
    switch read {
    case .load(let request):
      input = .loaded(
        request.id, failure.map { .failure($0) } ?? .success(storage.load(request, now: wall)))
    case .list(let id, let listing):
      input = .listed(
        id, failure.map { .failure($0) } ?? .success(storage.list(listing, now: wall)))
    case .trace(let id, let machine, let query):
      input = .traceRead(
        id, failure.map { .failure($0) } ?? .success(storage.trace(machine, query)))
    case .messages(let query):
      input = .messagesDue(
        query,
        failure.map { .failure($0) } ?? .success(storage.due(query, of: node.identity ?? 0)))
    case .loadMessages(let load):
      input = .messagesLoaded(
        load.id, failure.map { .failure($0) } ?? .success(storage.load(load)))
    case .due(let query):
      input = .due(
        query,
        query.spans.map { span in
          failure.map { .failure($0) }
            ?? .success(storage.due(span, of: node.identity ?? 0, query.part))
        })
    }
    let slow = plan.strikes(.loadSlow, &random)
    agenda.plan(
      .input(node: node.number, life: node.life, input),
      after: slow ? random.duration(upTo: world.longPause) : random.within(20...500))
  }
}
