import MachineModel

/// The requests that are not answered yet, and until when; and the reads that go on for some that
/// are. Of each namespace too.
struct RequestTable {
  /// What one namespace has of the places.
  struct Places {
    /// Requests that are not answered yet.
    fileprivate(set) var requests = 0
    /// Loads of requests that were answered before.
    fileprivate(set) var unheardLoads = 0

    var taken: Int { requests + unheardLoads }
  }

  private var requests: [RequestID: PendingRequest] = [:]
  private var deadlines = RequestDeadlines()
  private var arrivals = RequestArrivals()
  /// Loads of requests that were answered before: each has a place like a request.
  private(set) var unheardLoads = 0

  var count: Int { requests.count }
  /// Places that are taken: what is bounded.
  var places: Int { requests.count + unheardLoads }
  var all: some Collection<PendingRequest> { requests.values }
  /// With those of requests that are answered already.
  var deadlineCount: Int { deadlines.count }
  /// With those of requests that are answered already.
  var arrivalCount: Int { arrivals.count }
  /// On `Moment.uptime`.
  var nextDeadline: Int64? { deadlines.next }

  subscript(id: RequestID) -> PendingRequest? { requests[id] }

  /// - Parameter uptime: When it came, on `Moment.uptime`.
  mutating func insert(_ pending: PendingRequest, at uptime: Int64) {
    let request = pending.request
    assert(requests[request.id] == nil, "the shell gave a number twice")
    requests[request.id] = pending
    pending.namespace.places.requests += 1
    deadlines.push(request.deadline, request.id)
    let live = requests
    deadlines.compact(live: live.count) { live[$0] != nil }
    arrivals.append(request.id, at: uptime, live: live.count) { live[$0] != nil }
    assert(deadlines.count >= requests.count, "each request has its deadline")
  }

  /// Calls `body` with requests that came before `uptime`, oldest first, and when they came: a
  /// bounded number.
  func forEach(before uptime: Int64, _ body: (PendingRequest, Int64) -> Void) {
    arrivals.forEach(before: uptime) { id, since in
      if let pending = requests[id] { body(pending, since) }
    }
  }

  mutating func remove(_ id: RequestID) -> PendingRequest? {
    guard let pending = requests.removeValue(forKey: id) else { return nil }
    pending.namespace.places.requests -= 1
    assert(pending.namespace.places.requests >= 0, "more requests of the namespace ended than came")
    if pending.isBeingRead {
      unheardLoads += 1
      pending.namespace.places.unheardLoads += 1
    }
    return pending
  }

  /// What was read for a request is here; the place of one that was answered before is free.
  mutating func readEnded(_ id: RequestID, in namespace: NamespaceState) {
    if let pending = requests[id] {
      assert(pending.isBeingRead, "one load at a time is a request's")
      pending.isBeingRead = false
    } else {
      unheardLoads -= 1
      namespace.places.unheardLoads -= 1
      assert(
        unheardLoads >= 0 && namespace.places.unheardLoads >= 0,
        "more reads ended than were unheard")
    }
  }

  /// The next request whose deadline has passed.
  mutating func popExpired(at uptime: Int64) -> RequestID? {
    while let id = deadlines.pop(at: uptime) {
      guard let pending = requests[id] else { continue }
      assert(pending.request.deadline <= uptime, "the deadline that has passed is the request's")
      return id
    }
    return nil
  }
}
