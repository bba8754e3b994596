import Dispatch
import PostgreSQL
import TestThreads
import Testing

/// Collects what a thread's body reports; a test waits for it without sleeping.
private final class Reports<Report: Sendable>: Sendable {
  private let stream: AsyncStream<Report>
  private let continuation: AsyncStream<Report>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(of: Report.self)
  }

  func add(_ report: Report) { continuation.yield(report) }

  func next(_ count: Int = 1) async -> [Report] {
    var reports: [Report] = []
    for await report in stream {
      reports.append(report)
      if reports.count == count { break }
    }
    return reports
  }
}

/// Holds a thread until the test lets it go on.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func wait() { semaphore.wait() }
  func open() { semaphore.signal() }
}

@Suite(.ownThreads, .timeLimit(.minutes(1))) struct ConnectionThreadTests {
  private func unreachable() throws -> ConnectionSettings {
    ConnectionSettings(
      target: try ConnectionString("host=127.0.0.1 port=1 dbname=x user=x"),
      applicationName: "progressor-tests")
  }

  @Test("Everything that waits is taken in one turn, in order, up to the limit")
  func turns() async throws {
    let reports = Reports<[Int]>()
    let gate = Gate()
    let thread = try ConnectionThread<Int>(name: "turns", settings: unreachable(), capacity: 10) {
      session in
      gate.wait()
      var limit = 4
      while case .items(let items) = session.waitForItems(atMost: limit) {
        reports.add(items)
        limit = .max
      }
    }
    for item in 0..<10 { #expect(thread.submit(item) == .accepted) }
    #expect(thread.submit(10) == .full)
    gate.open()
    #expect(await reports.next(2) == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]])
    thread.requestStop(gracePeriod: .zero)
    thread.join()
    #expect(thread.submit(11) == .stopped)
  }

  @Test("Work that is due by time gets its turn without items")
  func periodic() async throws {
    let reports = Reports<Bool>()
    let thread = try ConnectionThread<Int>(name: "time", settings: unreachable(), capacity: 1) {
      session in
      while true {
        switch session.waitForItems(timeout: .milliseconds(5)) {
        case .timedOut: reports.add(true)
        case .items, .connectionLost: reports.add(false)
        case .stopped: return
        }
      }
    }
    #expect(await reports.next(3) == [true, true, true])
    thread.requestStop(gracePeriod: .zero)
    thread.join()
  }

  @Test("Accepted items are handed over even after the stop, then comes the stop")
  func drained() async throws {
    let reports = Reports<Int>()
    let thread = try ConnectionThread<Int>(name: "drain", settings: unreachable(), capacity: 10) {
      session in
      while !session.isStopping { _ = session.pause(for: .seconds(60)) }
      while case .items(let items) = session.waitForItems(atMost: 1) {
        for item in items { reports.add(item) }
      }
      reports.add(-1)
    }
    for item in 0..<3 { #expect(thread.submit(item) == .accepted) }
    thread.requestStop(gracePeriod: .zero)
    thread.join()
    #expect(await reports.next(4) == [0, 1, 2, -1])
  }

  @Test("A stop ends attempts to connect and their pauses at once")
  func stopWhileConnecting() async throws {
    let reports = Reports<PostgreSQLError.Scope>()
    let thread = try ConnectionThread<Int>(name: "connect", settings: unreachable(), capacity: 1) {
      session in
      let backoff = Backoff(initial: .seconds(600), maximum: .seconds(600))
      let connection = session.connect(backoff: backoff) { error, _ in
        reports.add(error.scope)
        return true
      }
      #expect(connection == nil)
    }
    #expect(await reports.next() == [.connectFailed])
    thread.requestStop(gracePeriod: .seconds(600))
    thread.join()
  }

  @Test("A stop ends the wait for a server that accepts and never answers")
  func stopWhileHandshaking() async throws {
    let silent = try SilentListener()
    var settings = ConnectionSettings(
      target: try ConnectionString("host=127.0.0.1 port=\(silent.port) dbname=x user=x"),
      applicationName: "progressor-tests")
    settings.connectTimeout = .seconds(600)
    let reports = Reports<PostgreSQLError.Scope?>()
    let thread = try ConnectionThread<Int>(name: "silent", settings: settings, capacity: 1) {
      session in
      reports.add(nil)
      reports.add(failure { () throws(PostgreSQLError) in _ = try session.connect() }?.scope)
    }
    #expect(await reports.next() == [nil])
    thread.requestStop(gracePeriod: .seconds(600))
    #expect(await reports.next() == [.stopped])
    thread.join()
  }

  @Test("A pipeline in flight has the grace period of the stop, then its outcome is unknown")
  func gracePeriod() async throws {
    let settings = try await TestDatabase().settings()
    let reports = Reports<PostgreSQLError?>()
    let thread = try ConnectionThread<Int>(name: "grace", settings: settings, capacity: 1) {
      session in
      reports.add(
        failure { () throws(PostgreSQLError) in
          let connection = try session.connect()
          reports.add(nil)
          _ = try connection.query("SELECT pg_sleep(0.2)", timeout: .seconds(60))
          reports.add(nil)
          _ = try connection.query("SELECT pg_sleep(60)", timeout: .seconds(60))
        })
    }
    #expect(await reports.next() == [nil])
    thread.requestStop(gracePeriod: .seconds(2))
    let outcomes = await reports.next(2)
    #expect(outcomes.first == .some(nil), "within the grace period work is finished")
    #expect(outcomes.last??.scope == .stopped)
    #expect(outcomes.last??.isOutcomeUnknown == true)
    thread.join()
  }

  @Test("An idle session that ends is noticed at once, and the next is set up before it is used")
  func idleLoss() async throws {
    let database = try await TestDatabase()
    let reports = Reports<Int32>()
    let thread = try ConnectionThread<Int>(
      name: "idle", settings: try database.settings(), capacity: 1
    ) { session in
      while true {
        _ = session.connect(
          backoff: Backoff(),
          setUp: { connection throws(PostgreSQLError) in
            _ = try connection.query("SET work_mem = '9MB'", timeout: .seconds(10))
          }, onFailure: { _, _ in true })
        reports.add(session.connection?.backend.processID ?? 0)
        switch session.waitForItems() {
        case .connectionLost: continue
        case .items, .timedOut, .stopped: return
        }
      }
    }
    let first = await reports.next()
    let admin = try database.connect()
    var parameters = Parameters()
    parameters.append(first[0])
    #expect(try admin.scalar("SELECT pg_terminate_backend($1)", parameters))
    let second = await reports.next()
    #expect(second[0] != first[0] && second[0] != 0)
    thread.requestStop(gracePeriod: .zero)
    thread.join()
  }

  @Test("Dropping the last reference stops the thread")
  func dropped() async throws {
    let reports = Reports<Bool>()
    var thread: ConnectionThread<Int>? = try ConnectionThread(
      name: "drop", settings: unreachable(), capacity: 1
    ) { session in
      if case .stopped = session.waitForItems() { reports.add(true) }
    }
    #expect(thread != nil)
    thread = nil
    #expect(await reports.next() == [true])
  }
}
