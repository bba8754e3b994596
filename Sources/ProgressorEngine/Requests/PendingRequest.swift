import MachineModel

/// A request that is not answered yet.
///
/// An object: the table of requests never shrinks, and has a place for each of the most that there
/// were.
final class PendingRequest {
  let request: Request
  /// What it is now; see ``goOn(at:)``.
  private(set) var work: Work
  /// nil for `list`, which concerns no machine, and `trace`, which needs none in memory.
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

  /// When it went on behind a start, on `Moment.uptime`; nil = it did not.
  private(set) var wentOnAt: Int64?

  /// Its machine is there: what it is now is what it was to be then.
  func goOn(at uptime: Int64) {
    assert(work.isOpening, "only what begins with a start goes on behind it")
    work = work.opened
    wentOnAt = uptime
  }

  /// It asks for less than it did.
  func looks(_ look: Look) {
    assert(!isBeingRead, "what is being read is what was asked for")
    work = .read(look)
  }

  /// There is no machine: it waits its turn to start one.
  func open() {
    assert(work.step == nil && work.isOpening, "a notification waits for a start that is its own")
    work = work.opening
  }
}
