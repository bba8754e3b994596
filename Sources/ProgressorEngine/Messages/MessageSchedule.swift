import MachineModel

/// When messages are delivered, and which first.
///
/// Those that are due later stand among the timers, as far as they are due soon; what lies beyond
/// is read in time, as with machines, and whatever its pauses: a message has its place by the time
/// when it is to be delivered. Once that has come it stands in the line of its pair, by number, and
/// the first of each line is delivered, tried again after its pause, or given up; then the next. So
/// those of one pair come in order of number among those that are due, and each pair waits for
/// itself alone.
struct MessageSchedule {
  private let lookAhead: Int64
  private let page: Int
  private let part: ShardPart
  private let maximum: Int
  private let maximumBytes: Int

  private var timers = TimerWindow<ScheduledMessage, MessagePlace>()
  private var lines: [MessagePair: MessageLine] = [:]
  /// In which line each message stands whose time has come.
  private var places: [MessageRef: MessagePair] = [:]
  /// Lines whose first is tried again later.
  private var resting = DueHeap<MessagePair, Void>()
  private var turns: DeliveryTurns
  private var shares: MessageShares
  /// The look ahead that is under way, whatever becomes of the timers meanwhile.
  private var reading: UInt64?
  /// After one of the reads of namespaces that are behind comes one of all.
  private var isCatchingUp = false
  /// No namespace is caught up with before this `Moment.uptime`, after a read that brought nothing.
  private var catchesUpNotBefore = Int64.min
  /// So many namespaces were behind that all is read anew, though not before this `Moment.uptime`.
  private var beginsAnewNotBefore = Int64.min
  /// Nothing stands in a line that is due later than this: the time of day may be set back.
  private(set) var latest = Timestamp.earliest
  /// Of what the messages in memory carry.
  private(set) var bytes = 0

  /// The most that enter lines in one turn of the loop.
  private static let perTurn = 1_000
  /// Messages for which there is room among the timers, however many are due.
  private static let minimumTimers = 16
  /// Between two reads of which the first brought nothing, in microseconds.
  private static let pause: Int64 = 1_000_000

  init(_ configuration: EngineConfiguration) {
    lookAhead = configuration.lookAhead
    page = configuration.lookAheadPage
    part = configuration.part
    maximum = configuration.maximumTimers
    maximumBytes = configuration.messageBytes
    turns = DeliveryTurns(
      maximum: configuration.maximumDeliveries, bytes: configuration.messageBytes)
    shares = MessageShares(maximum: configuration.maximumTimers)
  }

  /// Messages in memory.
  var count: Int { timers.count + places.count }
  /// Those that are under way.
  var underWay: Int { turns.underWay }
  /// Those whose time has come.
  var due: Int { places.count }

  private var capacity: Int { max(Self.minimumTimers, maximum - places.count) }

  /// It is being read for its delivery, or delivered, or it is being written what became of it.
  func isUnderWay(_ message: MessageRef) -> Bool {
    guard let pair = places[message], case .underWay(message.number)? = lines[pair]?.standing else {
      return false
    }
    return true
  }

  /// Whether a reply to this delivery is one to the message: it may be under way again since.
  func isUnderWay(_ message: MessageRef, by delivery: DeliveryID) -> Bool {
    isUnderWay(message) && places[message].flatMap { lines[$0]?.delivery } == delivery
  }

  /// Whether none of its pair with a lower number is due.
  func isFirst(_ message: MessageRef, _ now: Moment) -> Bool {
    isSettled(now) && places[message].flatMap { lines[$0]?.waiting.firstKey } == message.number
  }

  /// What the message carries, while it is in memory.
  func row(of message: MessageRef) -> MessageRow? {
    places[message].flatMap { lines[$0]?.waiting.value(of: message.number)?.row }
  }
}

/// Coming in.
extension MessageSchedule {
  /// A message is in the database that can be delivered. `row` is what it carries, where that is at
  /// hand.
  mutating func place(_ message: ScheduledMessage, due: Timestamp, row: MessageRow?, _ now: Moment)
  {
    if places[message.ref] != nil { return }
    if message.deliverAt <= now.wall || row?.pending.isDueAtOnce == true {
      timers.remove(message)
      return enter(message, notBefore: due, row: row, now)
    }
    // What lies beyond is read in time.
    guard timers.covers(message.place) else { return }
    timers.set(message, at: message.deliverAt, message.place, now: now.wall, capacity: capacity)
    assert(
      timers.holds(message) || !timers.covered.covers(message.place),
      "what has no room is read again")
  }

  /// Its time has come: it stands in its line, if there is room.
  private mutating func enter(
    _ message: ScheduledMessage, notBefore: Timestamp, row: MessageRow?, _ now: Moment
  ) {
    assert(places[message.ref] == nil, "a message stands in one line")
    guard shares.take(message.pair.target.namespace, message.place) else { return }
    latest = max(latest, message.deliverAt)
    // Those behind may wait for long.
    let row = lines[message.pair] == nil && bytes < maximumBytes ? row : nil
    bytes += row?.bytes ?? 0
    places[message.ref] = message.pair
    lines[message.pair, default: MessageLine()].waiting.set(
      message.ref.number, at: message.ref.number,
      MessageLine.Waiting(notBefore: notBefore, row: row))
    settle(message.pair, now)
  }

  /// What a line does next follows from its first.
  private mutating func settle(_ pair: MessagePair, _ now: Moment) {
    guard let line = lines[pair] else { return }
    if case .underWay = line.standing { return }
    resting.remove(pair)
    guard let first = line.waiting.firstKey, let waiting = line.waiting.value(of: first) else {
      turns.remove(pair)
      lines[pair] = nil
      return
    }
    // The time of day may have been set back.
    let notBefore = min(
      waiting.notBefore, now.wall.advanced(byMicroseconds: PendingMessage.longestPause))
    if notBefore <= now.wall {
      lines[pair]?.standing = .ready
      turns.append(pair)
    } else {
      turns.remove(pair)
      lines[pair]?.standing = .resting
      resting.set(pair, at: notBefore, ())
    }
    assert(turns.contains(pair) != (resting.rank(of: pair) != nil), "a line rests or has a turn")
  }

  /// Those whose time has come enter their lines, and lines go on that have waited. No more than a
  /// number of them in one turn.
  mutating func takeDue(_ now: Moment) {
    for _ in 0..<Self.perTurn {
      guard let message = timers.pop(at: now.wall) else { break }
      enter(message, notBefore: message.deliverAt, row: nil, now)
    }
    while let (pair, _) = resting.popFirst(at: now.wall) { settle(pair, now) }
  }
}

/// Going out.
extension MessageSchedule {
  /// Whatever is due is in its line, with what stands before it there, or behind its namespace's
  /// cut.
  private func isSettled(_ now: Moment) -> Bool {
    guard let covered = timers.covered.time else { return false }
    return covered >= now.wall && !timers.isDue(at: now.wall)
  }

  private func mayGoOn(_ now: Moment) -> Bool { turns.hasTurns && isSettled(now) }

  /// The next message that is to be delivered, with what it carries if that is in memory: it is
  /// under way from now on, until `ended` or `postponed`.
  mutating func next(_ now: Moment) -> (message: MessageRef, row: MessageRow?)? {
    guard mayGoOn(now), let pair = turns.next() else { return nil }
    guard let line = lines[pair], let number = line.waiting.firstKey else {
      assertionFailure("who has a turn has a message")
      return nil
    }
    lines[pair]?.standing = .underWay(number)
    let ref = MessageRef(shard: pair.shard, machine: pair.sender, number: number)
    assert(places[ref] == pair, "a message stands where it is sought")
    let row = line.waiting.value(of: number)?.row
    if let row { turns.weigh(pair, row.bytes) }
    return (ref, row)
  }

  /// What memory has of a message that is under way is not to be relied on.
  mutating func forgetRow(of message: MessageRef) {
    guard let pair = places[message], var waiting = lines[pair]?.waiting.value(of: message.number),
      let row = waiting.row
    else { return }
    bytes -= row.bytes
    assert(bytes >= 0, "more bytes went than came")
    waiting.row = nil
    lines[pair]?.waiting.revalue(message.number, waiting)
  }

  /// The message is being delivered under this number.
  mutating func began(_ message: MessageRef, _ delivery: DeliveryID) {
    assert(isUnderWay(message), "what is delivered has its turn")
    if let pair = places[message] { lines[pair]?.delivery = delivery }
  }

  /// What the message carries was read. Answers whether it is to be delivered.
  mutating func read(_ row: MessageRow) -> Bool {
    guard isUnderWay(row.ref), let pair = places[row.ref],
      var waiting = lines[pair]?.waiting.value(of: row.ref.number), waiting.row == nil
    else { return false }
    bytes += row.bytes
    turns.weigh(pair, row.bytes)
    waiting.row = row
    lines[pair]?.waiting.revalue(row.ref.number, waiting)
    assert(self.row(of: row.ref) == row, "what was read is kept until it is delivered")
    return true
  }

  /// The message is not in the database any more, or will never be delivered.
  mutating func ended(_ message: MessageRef, _ now: Moment) {
    // Its shard was lost meanwhile, or it was never here.
    guard let pair = places.removeValue(forKey: message) else { return }
    bytes -= lines[pair]?.waiting.value(of: message.number)?.row?.bytes ?? 0
    assert(bytes >= 0, "more bytes went than came")
    lines[pair]?.waiting.remove(message.number)
    shares.giveBack(pair.target.namespace)
    cameBack(message, pair)
    settle(pair, now)
  }

  /// The message is tried again then.
  mutating func postponed(_ message: MessageRef, until time: Timestamp, _ now: Moment) {
    // Its shard was lost meanwhile, or it was taken out.
    guard let pair = places[message], let waiting = lines[pair]?.waiting.value(of: message.number)
    else { return }
    bytes -= waiting.row?.bytes ?? 0
    assert(bytes >= 0, "more bytes went than came")
    lines[pair]?.waiting.revalue(
      message.number, MessageLine.Waiting(notBefore: time, row: nil))
    cameBack(message, pair)
    settle(pair, now)
  }

  private mutating func cameBack(_ message: MessageRef, _ pair: MessagePair) {
    guard case .underWay(message.number)? = lines[pair]?.standing else { return }
    lines[pair]?.standing = .resting
    lines[pair]?.delivery = nil
    turns.ended(pair)
  }

  /// The message was taken out of the database. If it is under way, what becomes of it is nobody's
  /// concern any more.
  mutating func cancelled(_ message: MessageRef, _ now: Moment) {
    if places[message] != nil { return ended(message, now) }
    timers.remove(ScheduledMessage(message, to: MachineID(namespace: "", id: ""), at: .earliest))
  }

  /// Begins anew: whatever becomes due is found from its row. What is due already stays.
  mutating func rescan(_ now: Moment) {
    timers.rescan()
    shares.rescan()
  }

  /// Forgets the messages of shards that are another's.
  mutating func lose(_ shards: Set<ShardID>) {
    Visits.note(count)
    timers.removeAll { shards.contains($0.ref.shard) }
    for (pair, line) in lines where shards.contains(pair.shard) {
      for number in line.waiting.keys {
        places[MessageRef(shard: pair.shard, machine: pair.sender, number: number)] = nil
        shares.giveBack(pair.target.namespace)
        bytes -= line.waiting.value(of: number)?.row?.bytes ?? 0
      }
      if case .underWay = line.standing { turns.ended(pair) }
      turns.remove(pair)
      resting.remove(pair)
      lines[pair] = nil
    }
    assert(bytes >= 0, "more bytes went than came")
  }
}

/// Reading from the database what becomes due later, and what had no room.
extension MessageSchedule {
  func isTimeToRead(_ now: Moment) -> Bool { readsAt(now).map { $0 <= now.uptime } ?? false }

  /// What to read now; it ends with `takeRead`.
  mutating func beginRead(_ number: UInt64, _ now: Moment) -> MessageQuery {
    assert(reading == nil, "one read at a time")
    if shares.hasLost, beginsAnewNotBefore <= now.uptime {
      rescan(now)
      beginsAnewNotBefore = now.uptime.saturatingAdd(lookAhead)
    }
    reading = number
    let until = now.wall.advanced(byMicroseconds: lookAhead)
    let looksAhead = looksAheadAt(now).map { $0 <= now.uptime } ?? false
    if let name = shares.next, !looksAhead || !isCatchingUp, catchesUpNotBefore <= now.uptime {
      isCatchingUp = true
      let (cut, room) = shares.begin(name)
      return MessageQuery(
        number: number, part: part, target: name.text, from: cut, until: until,
        limit: Int32(clamping: min(page, max(MessageShares.minimum, 2 * room))))
    }
    isCatchingUp = false
    return MessageQuery(
      number: number, part: part, from: timers.beginRead(number, until: until), until: until,
      limit: Int32(clamping: min(page, max(1, capacity / 2))))
  }

  /// A look ahead was answered; nil = it brought nothing.
  mutating func takeRead(_ query: MessageQuery, _ page: MessagePage?, _ now: Moment) {
    // An answer may come twice.
    guard query.number == reading else { return }
    reading = nil
    if query.target != nil {
      if page == nil { catchesUpNotBefore = now.uptime.saturatingAdd(Self.pause) }
      shares.caughtUp(to: page?.reached, of: timers.covered)
      for message in page?.messages ?? [] { found(message, now) }
      return
    }
    // Everything was begun anew meanwhile.
    guard let (covered, from) = timers.endRead(query.number, reached: page?.reached) else { return }
    for message in page?.messages ?? [] where covered.covers(message.place) { found(message, now) }
    timers.readEnded(from: from, now: now)
  }

  private mutating func found(_ message: DueMessage, _ now: Moment) {
    Visits.note(1)
    place(
      ScheduledMessage(message.ref, to: message.target, at: message.deliverAt), due: message.due,
      row: nil, now)
  }

  /// On `Moment.uptime`; nil = not before something else happens.
  private func readsAt(_ now: Moment) -> Int64? {
    if reading != nil { return nil }
    return [
      looksAheadAt(now), shares.next == nil ? nil : max(now.uptime, catchesUpNotBefore),
      shares.hasLost ? max(now.uptime, beginsAnewNotBefore) : nil,
    ].compactMap { $0 }.min()
  }

  private func looksAheadAt(_ now: Moment) -> Int64? {
    guard let at = timers.readsAt(now: now.wall, lookAhead: lookAhead, capacity: capacity)
    else { return nil }
    return max(now.uptime(of: at), timers.readsNotBefore ?? .min)
  }

  /// When something of all this is to be looked at again, on `Moment.uptime`.
  func wakeAt(_ now: Moment, mayBegin: Bool) -> Int64? {
    if timers.isDue(at: now.wall) || (mayBegin && mayGoOn(now)) { return now.uptime }
    return [
      timers.nextDue.map(now.uptime(of:)), resting.first.map(now.uptime(of:)), readsAt(now),
    ].compactMap { $0 }.min()
  }

  /// The shards of all messages that are due. Looks at everything.
  var shards: Set<ShardID> { Set(lines.keys.map(\.shard)) }

  /// All messages that are under way. Looks at everything.
  var allUnderWay: [MessageRef] {
    lines.compactMap { pair, line in
      guard case .underWay(let number) = line.standing else { return nil }
      return MessageRef(shard: pair.shard, machine: pair.sender, number: number)
    }
  }

  /// What contradicts itself; nil = nothing. Looks at everything.
  var inconsistency: String? {
    let standing = lines.values.reduce(0) { $0 + $1.waiting.count }
    if standing != places.count {
      return "\(places.count) messages stand in lines, not \(standing)"
    }
    let held = lines.values.reduce(0) { sum, line in
      line.waiting.keys.reduce(sum) { $0 + (line.waiting.value(of: $1)?.row?.bytes ?? 0) }
    }
    if held != bytes { return "messages hold \(bytes) bytes, not \(held)" }
    for (pair, line) in lines {
      if line.waiting.count == 0 { return "a line of messages is empty" }
      if case .resting = line.standing, resting.rank(of: pair) == nil {
        return "messages to \(pair.target) wait for nothing"
      }
    }
    return shares.inconsistency(places.values.map(\.target.namespace)) ?? turns.inconsistency
  }
}
