import MachineModel

/// What those are told of a step who follow along, in its own commit (I9).
extension Engine {
  /// The entries of a step that writes this, in their order; none where the namespace has no feed.
  func feed(of change: Change, _ machine: ResidentMachine) -> [FeedNote] {
    let options = machine.namespace.feed
    guard options.isEnabled else { return [] }
    var notes: [FeedNote] = []
    switch change {
    case .nothing, .paused: break
    case .created(let changed, _):
      notes.append(FeedNote(.created, at: now.wall))
      append(changed.events, to: &notes, options)
      if let failure = changed.row.failure { notes.append(status(failure)) }
    case .updated(let changed, _):
      append(changed.events, to: &notes, options)
      // A repair may leave another failure.
      if changed.row.failure != machine.row?.failure {
        notes.append(status(changed.row.failure))
      }
    case .removed(_, let events, _):
      append(events, to: &notes, options)
      notes.append(FeedNote(.removed, at: now.wall))
    case .condemned(_, let failure): notes.append(status(failure))
    }
    return notes
  }

  private func append(_ events: [Event], to notes: inout [FeedNote], _ options: FeedOptions) {
    notes.reserveCapacity(notes.count + events.count + 1)
    for var event in events {
      if !options.hasBodies { event.body.data = [] }
      notes.append(FeedNote(.event(event), at: now.wall))
    }
  }

  private func status(_ failure: Failure?) -> FeedNote {
    FeedNote(.statusChanged(failure), at: now.wall)
  }
}
