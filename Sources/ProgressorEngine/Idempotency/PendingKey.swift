import MachineModel

/// An idempotency key whose first request is still running; repeats wait for it.
struct PendingKey {
  private(set) var owner: RequestID
  /// The owner's.
  private(set) var fingerprint: [UInt8]
  /// The database knows no other request under the key: it is the owner's.
  private(set) var isConfirmed = false

  /// Who waits, by what is asked, and those by when the first of them came. None of them has ended.
  private var waiters: [[UInt8]: RemovalQueue<RequestID>] = [:]
  private var fingerprints = RemovalQueue<[UInt8]>()
  private(set) var waiterCount = 0

  init(owner: RequestID, fingerprint: [UInt8]) {
    self.owner = owner
    self.fingerprint = fingerprint
  }

  func isConfirmed(for request: RequestID) -> Bool { isConfirmed && owner == request }

  mutating func wait(_ request: RequestID, _ fingerprint: [UInt8]) {
    waiters[fingerprint, default: RemovalQueue()].append(request)
    fingerprints.append(fingerprint)
    waiterCount += 1
    assert(request != owner, "nobody waits for itself")
  }

  /// Somebody who asked for this ended; nothing happens if it did not wait.
  mutating func leave(_ request: RequestID, _ fingerprint: [UInt8]) {
    guard waiters[fingerprint]?.remove(request) == true else { return }
    waiterCount -= 1
    assert(waiterCount >= 0, "more went away than waited")
    if waiters[fingerprint]?.isEmpty == true { forget(fingerprint) }
  }

  private mutating func forget(_ fingerprint: [UInt8]) {
    waiters[fingerprint] = nil
    fingerprints.remove(fingerprint)
    assert(waiters.count == fingerprints.count, "who waits is found by what it asks")
  }

  /// The key is the owner's for good. Takes out those who ask for something else under it, oldest
  /// first.
  mutating func confirm() -> [RequestID] {
    isConfirmed = true
    var mistaken: [RequestID] = []
    for other in fingerprints.elements where other != fingerprint {
      mistaken += waiters[other]?.elements ?? []
      forget(other)
    }
    waiterCount -= mistaken.count
    assert(waiterCount >= 0, "more were mistaken than waited")
    return mistaken.sorted { $0.number < $1.number }
  }

  /// The owner got nothing: the next one tries, nil = nobody waits.
  mutating func handOver() -> RequestID? {
    guard let next = fingerprints.first, let request = waiters[next]?.first else {
      assert(waiterCount == 0, "who waits is found by what it asks")
      return nil
    }
    leave(request, next)
    owner = request
    fingerprint = next
    isConfirmed = false
    return request
  }

  /// Everybody who waits, oldest first.
  var allWaiters: [RequestID] {
    waiters.values.flatMap(\.elements).sorted { $0.number < $1.number }
  }
}

/// A hash of a request's method and `args`, 16 bytes: two FNV-1a of 64 bits with different starts.
/// It tells a repeat from another request by mistake; it is no defence against malice. The history
/// range is left out: a repeat may ask for another part of the history and is the same request.
struct Fingerprint {
  private var a: UInt64 = 0xcbf2_9ce4_8422_2325
  private var b: UInt64 = 0x6c62_272e_07bb_0142

  private mutating func mix(_ byte: UInt8) {
    a = (a ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    b = (b ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    b ^= b >> 29
  }

  private mutating func mix(number: Int64) {
    for shift in stride(from: Int64(0), to: 64, by: 8) {
      mix(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  private static func of(_ method: UInt8, _ all: [UInt8]...) -> [UInt8] {
    var hash = Fingerprint()
    hash.mix(method)
    for args in all {
      hash.mix(number: Int64(args.count))
      for byte in args { hash.mix(byte) }
    }
    var bytes: [UInt8] = []
    for word in [hash.a, hash.b] {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
  }

  /// The key and fingerprint of an operation, nil when it has no key.
  static func of(_ operation: Operation) -> (key: String, fingerprint: [UInt8])? {
    let form = operation.form
    guard let key = form.key, let method = form.method else { return nil }
    switch form.payload {
    case .args(let args): return (key, of(method, args))
    case .startAndArgs(let start, let args): return (key, of(method, start, args))
    case .nothing, .text, .machine: return (key, of(method))
    }
  }
}

extension StoredReply {
  /// The reply again.
  var reply: Reply {
    switch self {
    case .started: .started
    case .called(let response): .called(response: response)
    case .notified(let notificationID): .notified(notificationID: notificationID)
    case .repaired(let response): .repaired(response: response)
    }
  }

  /// What to remember of a reply; only OK ones are.
  init?(_ reply: Reply) {
    switch reply {
    case .started: self = .started
    case .called(let response): self = .called(response: response)
    case .notified(let notificationID): self = .notified(notificationID: notificationID)
    case .repaired(let response): self = .repaired(response: response)
    case .done, .quiet, .machine, .watched, .listed, .counted, .notifications, .messages,
      .traced, .error:
      return nil
    }
  }
}

extension IdempotencyRow {
  /// What a repeat with this fingerprint hears.
  func reply(to fingerprint: [UInt8]) -> Reply {
    fingerprint == self.fingerprint ? reply.reply : .error(.keyReused)
  }
}
