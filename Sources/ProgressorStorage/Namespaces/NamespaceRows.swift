import MachineModel
import PostgreSQL
import ProgressorEngine

/// The rows of all namespaces, by name: those that can be read, and what is wrong with the others.
struct NamespaceRows {
  /// A row that cannot be read, or says what no namespace may be.
  struct Damaged: Equatable {
    var number: NamespaceNumber
    /// nil = not even that can be read.
    var name: String?
    var why: String
  }

  private(set) var sound: [NamespaceRecord] = []
  private(set) var damaged: [Damaged] = []

  static func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> NamespaceRows {
    var all = NamespaceRows()
    do {
      for row in try rows(nil, on: connection, timeout) { try all.append(row) }
      return all
    } catch {
      guard error.scope == .statement, error.isDamage else { throw error }
      return try readOneByOne(on: connection, timeout: timeout)
    }
  }

  /// A row on a damaged page spoils the statement for all: each alone.
  private static func readOneByOne(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> NamespaceRows {
    var all = NamespaceRows()
    for name in try connection.run(Statements.namespaceNames, timeout: timeout) {
      let number: Int32 = try name.value(0)
      do {
        for row in try rows(number, on: connection, timeout) { try all.append(row) }
      } catch {
        guard error.scope == .statement, error.isDamage else { throw error }
        all.append(NamespaceNumber(number), name, error)
      }
    }
    return all
  }

  /// - Parameter number: nil = of all.
  private static func rows(
    _ number: Int32?, on connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> ResultSet {
    try connection.run(Statements.namespaceAll, .with { $0.append(number) }, timeout: timeout)
  }

  private mutating func append(_ row: Row) throws(PostgreSQLError) {
    let number: Int32 = try row.value(0)
    var reader = RowReader(row)
    do {
      sound.append(try reader.nextNamespace())
    } catch {
      append(NamespaceNumber(number), row, error)
    }
  }

  /// - Parameter row: has the name in its second column.
  private mutating func append(_ number: NamespaceNumber, _ row: Row, _ error: PostgreSQLError) {
    let name = try? row.value(1, as: String.self)
    damaged.append(Damaged(number: number, name: name, why: error.message))
  }

  /// The namespace of this name. Throws NAMESPACE_NOT_FOUND, and INTERNAL for one that is damaged.
  func named(_ name: String) throws(ProgressorError) -> NamespaceRecord {
    if let record = sound.first(where: { $0.namespace.name.isExactly(name) }) { return record }
    if let damaged = damaged.first(where: { $0.name?.isExactly(name) == true }) {
      throw ProgressorError(.internal, .dataDamaged, damaged.description)
    }
    throw .namespaceNotFound(name)
  }
}

extension NamespaceRows.Damaged: CustomStringConvertible {
  var description: String {
    let which = name.map { "\"\($0)\"" } ?? "\(number.number)"
    return "the row of the namespace \(which) cannot be read: \(why)"
  }

  /// Stands for a namespace of which nothing is known yet: no step begins there, and whoever asks
  /// for one hears why. nil without a name.
  var placeholder: NamespaceRecord? {
    guard let name else { return nil }
    var namespace = Namespace(name: name, processor: ProcessorOptions(endpoint: ""))
    namespace.pause = Pause(pausedAt: .earliest, reason: description)
    return NamespaceRecord(number: number, namespace: namespace)
  }
}
