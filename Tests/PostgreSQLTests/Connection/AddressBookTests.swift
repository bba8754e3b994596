import Synchronization
import Testing

@testable import PostgreSQL

@Suite("Addresses of a host's name")
struct AddressBookTests {
  /// A resolver that answers what it is told to, when it is told to.
  private final class Resolver: Sendable {
    private struct State {
      var answer: (answer: AddressBook.Answer, isFinal: Bool) = (.failure("none"), false)
      var isHeld = false
      var lookUps = 0
    }

    private let state = Mutex(State())

    func answers(_ answer: AddressBook.Answer, isFinal: Bool = false, held: Bool = false) {
      state.withLock { ($0.answer, $0.isHeld) = ((answer, isFinal), held) }
    }

    func release() { state.withLock { $0.isHeld = false } }

    var lookUps: Int { state.withLock { $0.lookUps } }

    var book: AddressBook {
      AddressBook { [self] _ in
        state.withLock { $0.lookUps += 1 }
        while state.withLock({ $0.isHeld }) {
          _ = pollUntilReady(
            socket: -1, events: 0, wakeup: nil, until: .now.advanced(by: .milliseconds(1)))
        }
        return state.withLock { $0.answer }
      }
    }
  }

  private func ask(
    _ book: AddressBook, within time: Duration = .seconds(20), stop: StopSignal? = nil
  ) throws -> AddressBook.Answer {
    book.begin("db", at: 0)
    return try book.addresses(
      of: "db", at: 0, until: .now.advanced(by: time), stop: stop)
  }

  @Test("What is asked by many at once is looked up once")
  func once() throws {
    let resolver = Resolver()
    resolver.answers(.addresses(["10.0.0.1", "10.0.0.2"]))
    let book = resolver.book
    for _ in 0..<10 { #expect(try ask(book) == .addresses(["10.0.0.1", "10.0.0.2"])) }
    #expect(resolver.lookUps == 1)
  }

  @Test("A resolver that does not answer costs no more than the time limit")
  func silence() throws {
    let resolver = Resolver()
    resolver.answers(.addresses(["10.0.0.1"]), held: true)
    let book = resolver.book
    guard case .nothing(let reason) = try ask(book, within: .milliseconds(20)) else {
      Issue.record("nobody has answered")
      return
    }
    #expect(reason.contains("db"))
    #expect(resolver.lookUps == 1)
    resolver.release()
    #expect(try ask(book) == .addresses(["10.0.0.1"]))
    #expect(resolver.lookUps == 1)
  }

  @Test("Where addresses are known nobody waits for a resolver that hangs")
  func hangs() throws {
    let resolver = Resolver()
    let book = resolver.book
    resolver.answers(.addresses(["10.0.0.1"]))
    #expect(try ask(book) == .addresses(["10.0.0.1"]))
    resolver.answers(.addresses(["10.0.0.2"]), held: true)
    let lookUps = resolver.lookUps
    let begin = ContinuousClock.now
    // Until what was found is no more fresh, and far beyond that.
    while resolver.lookUps == lookUps { #expect(try ask(book) == .addresses(["10.0.0.1"])) }
    for _ in 0..<1_000 { #expect(try ask(book) == .addresses(["10.0.0.1"])) }
    #expect(begin.duration(to: .now) < .seconds(15))
    resolver.release()
  }

  @Test("A stop ends the wait")
  func stopped() throws {
    let resolver = Resolver()
    resolver.answers(.addresses(["10.0.0.1"]), held: true)
    defer { resolver.release() }
    let stop = try StopSignal()
    stop.request(gracePeriod: .zero)
    let error = #expect(throws: PostgreSQLError.self) { try ask(resolver.book, stop: stop) }
    #expect(error?.scope == .stopped)
  }

  @Test("What the name had last is kept while the resolver fails, and not when the name is gone")
  func kept() throws {
    let resolver = Resolver()
    let book = resolver.book
    resolver.answers(.addresses(["10.0.0.1"]))
    #expect(try ask(book) == .addresses(["10.0.0.1"]))
    func later(_ answer: AddressBook.Answer, isFinal: Bool) throws -> AddressBook.Answer {
      resolver.answers(answer, isFinal: isFinal)
      let lookUps = resolver.lookUps
      let end = ContinuousClock.now.advanced(by: .seconds(20))
      while resolver.lookUps == lookUps, ContinuousClock.now < end {
        book.begin("db", at: 0)
        _ = pollUntilReady(
          socket: -1, events: 0, wakeup: nil, until: .now.advanced(by: .milliseconds(10)))
      }
      return try book.addresses(of: "db", at: 0, until: end, stop: nil)
    }
    #expect(try later(.failure("try again"), isFinal: false) == .addresses(["10.0.0.1"]))
    #expect(try later(.failure("gone"), isFinal: true) == .failure("gone"))
  }

  @Test("The system's resolver says which name has none")
  func system() throws {
    let book = AddressBook()
    book.begin("nobody.invalid", at: 3)
    let answer = try book.addresses(
      of: "nobody.invalid", at: 3, until: .now.advanced(by: .seconds(60)), stop: nil)
    guard case .failure(let reason) = answer else {
      Issue.record("RFC 2606 has no such name: \(answer)")
      return
    }
    #expect(reason.contains("nobody.invalid"))
  }

  @Test("Each address of a name is an attempt, the one that answered last before all others")
  func attempts() throws {
    let string = try ConnectionString("host=10.0.0.1,localhost,/run/pg port=1,2,3")
    let until = ContinuousClock.now.advanced(by: .seconds(20))
    let found = try string.attempts(lookingUpUntil: until, stop: nil).attempts
    #expect(found.first?.options["host"] == "10.0.0.1")
    #expect(found.first?.options["hostaddr"] == nil && found.last?.options["hostaddr"] == nil)
    let local = found.filter { $0.options["host"] == "localhost" }
    #expect(!local.isEmpty && local.allSatisfy { $0.options["port"] == "2" })
    #expect(local.contains { $0.options["hostaddr"] == "127.0.0.1" })
    let last = try #require(local.last)
    string.remember(last)
    let again = try string.attempts(lookingUpUntil: until, stop: nil).attempts
    #expect(again.first?.place == last.place)
    #expect(again.count == found.count)
  }
}
