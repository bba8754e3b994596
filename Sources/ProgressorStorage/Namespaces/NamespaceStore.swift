import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// The rows of namespaces. Tells the engine all of them at the start and whenever one has changed,
/// here or on another node. A namespace whose row is damaged stays as it was known last, or is
/// paused with the cause if it never was. On a connection and a thread of its own; little happens
/// on it.
final class NamespaceStore: Sendable {
  enum Change: Sendable {
    case create(Namespace)
    case replace(Namespace)
    /// Of an existing one; its version is the one that is expected, 0 = any.
    case update(Namespace)
    case setEndpoint(name: String, endpoint: String)
    /// nil = resume.
    case pause(name: String, reason: String?, principal: String?)
    /// Unless it has machines.
    case delete(name: String, now: Timestamp)
    /// Nothing is changed.
    case find(name: String)
    case read
  }

  /// What the change came to: the namespace as it is now; or, after one was deleted or if nothing
  /// is changed, all of them whose rows are not damaged.
  typealias Answer = Result<[NamespaceRecord], ProgressorError>

  struct Item: Sendable {
    var change: Change
    var answer: @Sendable (Answer) -> Void
  }

  private let thread: ConnectionThread<Item>

  private static let capacity = 1_000

  init(
    configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger,
    deliver: @escaping @Sendable (Input) -> Void
  ) throws(PostgreSQLError) {
    var settings = configuration.settings(for: "namespaces")
    settings.statementTimeout = configuration.readTimeout
    thread = try ConnectionThread(
      name: "pg-namespaces", settings: settings, capacity: Self.capacity
    ) { session in
      var loop = NamespaceLoop(
        reader: ReaderSession(
          session: session, watch: watch, timeout: configuration.readTimeout, logger: logger),
        deliver: deliver)
      loop.look()
      while true {
        let interval = configuration.namespaceInterval
        // Without them no request can be served; and that there is no session must be known.
        let isWell = loop.hasTold && session.connection != nil
        let pause = isWell ? interval : min(interval, .milliseconds(500))
        switch session.waitForItems(atMost: 1, timeout: pause) {
        case .items(let items):
          for item in items { item.answer(loop.perform(item.change)) }
        case .timedOut:
          loop.look()
        case .connectionLost:
          continue
        case .stopped:
          return
        }
      }
    }
  }

  /// Answered once, from the thread of the store.
  func perform(_ change: Change, _ answer: @escaping @Sendable (Answer) -> Void) {
    switch thread.submit(Item(change: change, answer: answer)) {
    case .accepted: return
    case .full: answer(.failure(.overloaded("too many changes of namespaces at once")))
    case .stopped: answer(.failure(.storageUnavailable))
    }
  }

  /// Does not wait.
  func requestStop() { thread.requestStop(gracePeriod: .zero) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}

/// The body of the store's thread.
private struct NamespaceLoop {
  let reader: ReaderSession<NamespaceStore.Item>
  let deliver: @Sendable (Input) -> Void
  /// What the engine was told last.
  private var told: [NamespaceRecord]?
  /// As they were when they could be read last.
  private var known: [NamespaceRecord] = []
  /// Of which the log has told.
  private var damaged: [NamespaceRows.Damaged] = []
  /// The database refuses to tell them, and the log has said so.
  private var isRefused = false

  init(
    reader: ReaderSession<NamespaceStore.Item>, deliver: @escaping @Sendable (Input) -> Void
  ) {
    self.reader = reader
    self.deliver = deliver
  }

  /// Whether the engine knows the namespaces.
  var hasTold: Bool { told != nil }

  /// Looks whether another node has changed something.
  mutating func look() {
    do {
      _ = try tellAll(on: reader.connection())
      if isRefused { reader.logger.notice("namespaces can be read again") }
      isRefused = false
    } catch  where error.scope == .statement {
      if isRefused { return }
      isRefused = true
      reader.logger.error(
        "namespaces cannot be read: changes that other nodes make are not seen",
        metadata: ["error": "\(error)"])
      // Once: another session may know better.
      reader.session.disconnect()
    } catch {
      reader.logger.debug("namespaces cannot be read", metadata: ["error": "\(error)"])
      reader.session.disconnect()
    }
  }

  mutating func perform(_ change: NamespaceStore.Change) -> NamespaceStore.Answer {
    do {
      return .success(try perform(change, on: reader.connection()))
    } catch let error as ProgressorError {
      return .failure(error)
    } catch {
      reader.logger.error("a namespace cannot be stored", metadata: ["error": "\(error)"])
      reader.session.disconnect()
      return .failure(.storageUnavailable)
    }
  }

  private mutating func perform(
    _ change: NamespaceStore.Change, on connection: Connection
  ) throws -> [NamespaceRecord] {
    let name: String
    let rows: ResultSet
    switch change {
    case .read:
      return try tellAll(on: connection).sound
    case .find(let name):
      return [try tellAll(on: connection).named(name)]
    case .create(let namespace):
      name = namespace.name
      rows = try write(namespace, .create, on: connection)
      if rows.isEmpty { throw ProgressorError.namespaceAlreadyExists(name) }
    case .replace(let namespace):
      name = namespace.name
      rows = try write(namespace, .replace, on: connection)
    case .update(let namespace):
      rows = try write(namespace, .update, on: connection)
      let stored = try tellAll(on: connection).named(namespace.name)
      // Nothing was changed: it is so already, or somebody else changed it, or made it anew.
      if rows.isEmpty, !stored.namespace.hasOptions(of: namespace) {
        throw ProgressorError.namespaceVersionMismatch(stored.namespace)
      }
      return [stored]
    case .delete(let name, let now):
      try NamespaceDeletion(
        name: name, connection: connection, timeout: reader.timeout, now: now
      ).run()
      return try tellAll(on: connection).sound
    case .setEndpoint(let itsName, let endpoint):
      name = itsName
      // Beside the texts of its TLS, which stay, the endpoint may be too long.
      let stored = try tellAll(on: connection).sound
      if var namespace = stored.first(where: { $0.namespace.name.isExactly(itsName) })?.namespace {
        namespace.processor.endpoint = endpoint
        try namespace.validate(path: "namespace")
      }
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(endpoint)
      }
      rows = try connection.run(
        Statements.namespaceSetEndpoint, parameters, timeout: reader.timeout)
    case .pause(let itsName, let reason, let principal):
      name = itsName
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(reason)
        $0.append(principal)
      }
      rows = try connection.run(Statements.namespacePause, parameters, timeout: reader.timeout)
    }
    // The engine knows a namespace before whoever made it can use it.
    return [try tellAll(on: connection).named(name)]
  }

  /// Which namespaces `namespace_write` may be about.
  private enum Meant: String { case create, update, replace }

  private func write(
    _ namespace: Namespace, _ meant: Meant, on connection: Connection
  ) throws(PostgreSQLError) -> ResultSet {
    let parameters = Parameters.with {
      $0.append(namespace)
      $0.append(meant.rawValue)
      $0.append(meant == .update ? namespace.version : 0)
    }
    return try connection.run(Statements.namespaceWrite, parameters, timeout: reader.timeout)
  }

  /// All namespaces; the engine is told if that is news.
  private mutating func tellAll(
    on connection: Connection
  ) throws(PostgreSQLError) -> NamespaceRows {
    let rows = try NamespaceRows.read(on: connection, timeout: reader.timeout)
    report(rows)
    let kept = known.filter { record in
      rows.damaged.contains { $0.number == record.number }
        && !rows.sound.contains { $0.namespace.name.isExactly(record.namespace.name) }
    }
    known = rows.sound + kept
    let strangers = rows.damaged.filter { damaged in
      !known.contains { $0.number == damaged.number }
    }
    let records = known + strangers.compactMap(\.placeholder)
    if records != told {
      told = records
      deliver(.namespacesChanged(records))
    }
    return rows
  }

  /// Tells the log once of each row that is damaged, and when it can be read again.
  private mutating func report(_ rows: NamespaceRows) {
    for row in rows.damaged where !damaged.contains(row) {
      let isKnown = known.contains { $0.number == row.number }
      reader.logger.error(
        "a namespace is damaged in the database: mend its row, or set all its options anew",
        metadata: [
          "namespace": "\(row.name ?? "")", "number": "\(row.number.number)",
          "error": "\(row.why)",
          "until-then": isKnown ? "it stays as it was" : "it is paused",
        ])
    }
    for record in rows.sound where damaged.contains(where: { $0.number == record.number }) {
      reader.logger.notice(
        "a damaged namespace can be read again",
        metadata: ["namespace": "\(record.namespace.name)"])
    }
    damaged = rows.damaged
  }
}

extension Namespace {
  /// Whether it is as an Update asks for, at the version that is expected.
  fileprivate func hasOptions(of asked: Namespace) -> Bool {
    var asked = asked
    if asked.version == 0 { asked.version = version }
    asked.pause = pause
    return asked == self
  }
}

extension ProgressorError {
  static func namespaceAlreadyExists(_ name: String) -> ProgressorError {
    ProgressorError(
      .alreadyExists, .namespaceAlreadyExists, "there is a namespace \"\(name)\" already")
  }

  static func namespaceVersionMismatch(_ stored: Namespace) -> ProgressorError {
    ProgressorError(
      .aborted, .namespaceVersionMismatch,
      "the namespace \"\(stored.name)\" was changed meanwhile: its version is \(stored.version)",
      metadata: ["version": "\(stored.version)"])
  }
}
