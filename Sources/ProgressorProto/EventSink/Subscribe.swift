import CProgressorProto
public import MachineModel

/// Request of `EventSink.Subscribe`.
public struct SubscribeRequest: ProtobufMessage {
  /// What is wanted of the feed.
  public var subscription: FeedSubscription

  public init(subscription: FeedSubscription) {
    self.subscription = subscription
  }
}

extension SubscribeRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SubscribeRequest>?) -> Void {
    progressor__v1__subscribe_request__init
  }

  init(_ message: Progressor__V1__SubscribeRequest) throws(ProtobufError) {
    subscription = FeedSubscription(
      namespaces: try Self.namespaces(of: message), cursors: try message.readCursors(),
      start: try FeedStart.read(message.start, "start"),
      consumer: message.consumer.len == 0 ? "" : try message.consumer.identifier("consumer"),
      kinds: try Self.kinds(of: message))
  }

  private static func namespaces(
    of message: Progressor__V1__SubscribeRequest
  ) throws(ProtobufError) -> [String] {
    guard let array = message.namespaces else { return [] }
    if message.n_namespaces > FeedSubscription.maximumNamespaces {
      throw .invalid("namespaces", "has more than \(FeedSubscription.maximumNamespaces) entries")
    }
    var names: [String] = []
    for index in 0..<message.n_namespaces {
      names.append(try array[index].identifier("namespaces[\(index)]"))
    }
    return names
  }

  private static func kinds(
    of message: Progressor__V1__SubscribeRequest
  ) throws(ProtobufError) -> Set<FeedKind> {
    guard let array = message.kinds else { return [] }
    var kinds: Set<FeedKind> = []
    for index in 0..<message.n_kinds {
      let field = "kinds[\(index)]"
      if array[index].rawValue == 0 { throw .invalid(field, "must be set") }
      kinds.insert(try FeedKind(array[index].rawValue, field))
    }
    return kinds
  }

  func fill(_ message: inout Progressor__V1__SubscribeRequest, in arena: inout ProtobufArena) {
    message.namespaces = arena.makeAll(subscription.namespaces)
    message.n_namespaces = subscription.namespaces.count
    message.setCursors(subscription.cursors, in: &arena)
    message.start = FeedStart.protobuf(subscription.start)
    message.consumer = arena.make(subscription.consumer)
    // In one order: sets have none, and the same request is the same bytes.
    let kinds = subscription.kinds.map(\.rawValue).sorted().map {
      Progressor__V1__ChangeKind(rawValue: UInt32(bitPattern: $0))
    }
    message.kinds = arena.makeAll(numbers: kinds)
    message.n_kinds = kinds.count
  }
}

extension Progressor__V1__SubscribeRequest: CursorFields {}

/// Response of `EventSink.Subscribe`, one of many.
public enum SubscribeResponse: ProtobufMessage {
  /// Something happened.
  case entry(FeedEntry)
  /// Nothing happened up to there that was not sent.
  case progress([FeedCursor])
}

extension SubscribeResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SubscribeResponse>?) -> Void {
    progressor__v1__subscribe_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__SubscribeResponse) throws(ProtobufError) {
    let change: FeedChange
    switch message.change_case {
    case PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_CREATED: change = .created
    case PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_EVENT:
      change = .event(try Event.require(message.event, "event"))
    case PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_STATUS_CHANGED:
      let changed = try StatusChanged.require(message.status_changed, "status_changed")
      change = .statusChanged(changed.failure)
    case PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_REMOVED: change = .removed
    case PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_PROGRESS:
      self = .progress(try FeedProgress.require(message.progress, "progress").cursors)
      return
    default: throw .invalid("change", "must be set")
    }
    self = .entry(
      FeedEntry(
        shard: ShardID(message.shard), sequence: message.sequence,
        machine: MachineID(
          namespace: try message.namespace_.text("namespace"),
          id: try message.machine_id.text("machine_id")),
        note: FeedNote(change, at: try Timestamp.require(message.created_at, "created_at"))))
  }

  func fill(_ message: inout Progressor__V1__SubscribeResponse, in arena: inout ProtobufArena) {
    switch self {
    case .entry(let entry):
      message.shard = entry.shard.number
      message.sequence = entry.sequence
      message.namespace_ = arena.make(entry.machine.namespace)
      message.machine_id = arena.make(entry.machine.id)
      message.created_at = arena.make(entry.note.createdAt)
      Self.fill(entry.note.change, &message, in: &arena)
    case .progress(let cursors):
      message.change_case = PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_PROGRESS
      message.progress = arena.make(FeedProgress(cursors: cursors))
    }
  }

  private static func fill(
    _ change: FeedChange, _ message: inout Progressor__V1__SubscribeResponse,
    in arena: inout ProtobufArena
  ) {
    switch change {
    case .created:
      message.change_case = PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_CREATED
      message.created = arena.make(MachineCreated())
    case .event(let event):
      message.change_case = PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_EVENT
      message.event = arena.make(event)
    case .statusChanged(let failure):
      message.change_case = PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_STATUS_CHANGED
      message.status_changed = arena.make(StatusChanged(failure: failure))
    case .removed:
      message.change_case = PROGRESSOR__V1__SUBSCRIBE_RESPONSE__CHANGE_REMOVED
      message.removed = arena.make(MachineRemoved())
    }
  }
}

/// The contract's `MachineCreated`, which the model has as a case of `FeedChange`.
private struct MachineCreated: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineCreated>?) -> Void {
    progressor__v1__machine_created__init
  }
}

/// The contract's `MachineRemoved`, which the model has as a case of `FeedChange`.
private struct MachineRemoved: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineRemoved>?) -> Void {
    progressor__v1__machine_removed__init
  }
}

/// The contract's `StatusChanged`, which the model has as a case of `FeedChange`.
private struct StatusChanged: CRepresentable {
  /// Nil = it works.
  var failure: Failure?

  static var initialize: (UnsafeMutablePointer<Progressor__V1__StatusChanged>?) -> Void {
    progressor__v1__status_changed__init
  }

  init(failure: Failure?) { self.failure = failure }

  init(_ message: Progressor__V1__StatusChanged) throws(ProtobufError) {
    switch try MachineStatus.require(message.status, "status") {
    case .working: failure = nil
    case .failed(let failure): self.failure = failure
    }
  }

  func fill(_ message: inout Progressor__V1__StatusChanged, in arena: inout ProtobufArena) {
    message.status = arena.make(failure.map(MachineStatus.failed) ?? .working(nil))
  }
}

/// The contract's `FeedProgress`, which `SubscribeResponse` has as a case.
private struct FeedProgress: CRepresentable {
  var cursors: [FeedCursor]

  static var initialize: (UnsafeMutablePointer<Progressor__V1__FeedProgress>?) -> Void {
    progressor__v1__feed_progress__init
  }

  init(cursors: [FeedCursor]) { self.cursors = cursors }

  init(_ message: Progressor__V1__FeedProgress) throws(ProtobufError) {
    cursors = try message.readCursors()
  }

  func fill(_ message: inout Progressor__V1__FeedProgress, in arena: inout ProtobufArena) {
    message.setCursors(cursors, in: &arena)
  }
}

extension Progressor__V1__FeedProgress: CursorFields {}
