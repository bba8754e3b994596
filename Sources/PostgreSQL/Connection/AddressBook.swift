import Glibc
import Synchronization

/// The addresses of the hosts of one connection string, shared by all its sessions. They are looked
/// up on threads of their own: the system's resolver has no time limit, and whoever opens a session
/// has one.
final class AddressBook: Sendable {
  /// What is known of a name.
  enum Answer: Hashable {
    /// Numeric, in the resolver's order; never empty.
    case addresses([String])
    /// Why there is none.
    case failure(String)
    /// The resolver has not answered yet; what to say if it never does.
    case nothing(String)
  }

  private struct Entry {
    /// Since when; nil = it is not being looked up.
    var lookedUpSince: ContinuousClock.Instant?
    var isLookedUp: Bool { lookedUpSince != nil }
    var waiting: [Wakeup] = []
    /// Kept while the resolver does not answer.
    var known: [String] = []
    var answer: Answer?
    var answeredAt = ContinuousClock.now
  }

  /// Addresses of a name that are tried; of more, the first.
  static let maximumAddresses = 16
  /// All sessions of a node are opened at once: one look-up will do for them.
  private static let freshness: Duration = .seconds(1)
  /// How long a look-up may take before what is known is used: once for all sessions, and not for
  /// each of them anew.
  private static let patience: Duration = .milliseconds(200)

  /// EAI_NODATA: the name is there and has no address. glibc's headers keep it to themselves.
  private static let noData: Int32 = -5

  private let entries = Mutex<[Int: Entry]>([:])
  private let lookUp: @Sendable (String) -> (answer: Answer, isFinal: Bool)

  /// - Parameter lookUp: The resolver; blocks. `isFinal` = the name has no address, and what it had
  ///   is of no use any more.
  init(
    lookUp: @escaping @Sendable (String) -> (answer: Answer, isFinal: Bool) = AddressBook.resolve
  ) {
    self.lookUp = lookUp
  }

  /// Begins to look up `name`, the host at a place of the list, unless that has just been done, or
  /// is being done.
  func begin(_ name: String, at place: Int) {
    let mustStart = entries.withLock { entries in
      var entry = entries[place] ?? Entry()
      let isFresh =
        entry.answer != nil && entry.answeredAt.duration(to: .now) < Self.freshness
      if entry.isLookedUp || isFresh { return false }
      entry.lookedUpSince = .now
      entries[place] = entry
      return true
    }
    if mustStart { start(name, place) }
  }

  /// What the look-up that was begun last has found. When the resolver does not answer until
  /// `deadline`, or soon where addresses are known, or cannot now, the addresses that the name had
  /// last. Throws `stopped`.
  func addresses(
    of name: String, at place: Int, until deadline: ContinuousClock.Instant, stop: StopSignal?
  ) throws(PostgreSQLError) -> Answer {
    let wakeup = try Wakeup()
    var deadline = deadline
    let answer = entries.withLock { entries -> Answer? in
      guard let entry = entries[place], let since = entry.lookedUpSince else {
        return entries[place]?.answer
      }
      if !entry.known.isEmpty { deadline = min(deadline, since.advanced(by: Self.patience)) }
      entries[place]?.waiting.append(wakeup)
      return nil
    }
    if let answer { return answer }
    defer { leave(wakeup, place) }
    let outcome = pollUntilReady(
      socket: wakeup.descriptor, events: POLLIN, wakeup: stop?.wakeup, until: deadline)
    if outcome == .woken {
      throw PostgreSQLError(.stopped, "stopped while looking up \(name)")
    }
    return entries.withLock { entries in
      let entry = entries[place] ?? Entry()
      if !entry.isLookedUp, let answer = entry.answer { return answer }
      return entry.known.isEmpty
        ? .nothing("the address of \(name) was not found in time") : .addresses(entry.known)
    }
  }

  private func start(_ name: String, _ place: Int) {
    do throws(PostgreSQLError) {
      _ = try JoinableThread(name: "pg-resolver") { [self] in
        let (answer, isFinal) = lookUp(name)
        finish(place, answer, isFinal: isFinal)
      }
    } catch {
      finish(place, .failure("\(name) cannot be looked up: \(error.message)"), isFinal: false)
    }
  }

  private func finish(_ place: Int, _ answer: Answer, isFinal: Bool) {
    entries.withLock { entries in
      var entry = entries[place] ?? Entry()
      entry.lookedUpSince = nil
      switch answer {
      case .addresses(let addresses): entry.known = addresses
      case .failure where isFinal: entry.known = []
      case .failure, .nothing: break
      }
      entry.answer = entry.known.isEmpty ? answer : .addresses(entry.known)
      entry.answeredAt = .now
      for wakeup in entry.waiting { wakeup.signal() }
      entry.waiting = []
      entries[place] = entry
    }
  }

  private func leave(_ wakeup: Wakeup, _ place: Int) {
    entries.withLock { $0[place]?.waiting.removeAll { $0 === wakeup } }
  }

  private static let resolve: @Sendable (String) -> (answer: Answer, isFinal: Bool) = { name in
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else {
      let reason = String(cString: gai_strerror(code))
      return (
        .failure("could not translate host name \"\(name)\": \(reason)"),
        code == EAI_NONAME || code == noData
      )
    }
    defer { freeaddrinfo(list) }
    var addresses: [String] = []
    var next = list
    while let info = next {
      next = info.pointee.ai_next
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let length = socklen_t(text.count)
      guard
        getnameinfo(
          info.pointee.ai_addr, info.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
      else { continue }
      let address = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !addresses.contains(address) { addresses.append(address) }
      if addresses.count == maximumAddresses { break }
    }
    return addresses.isEmpty
      ? (.failure("the name \(name) has no address"), true) : (.addresses(addresses), false)
  }
}
