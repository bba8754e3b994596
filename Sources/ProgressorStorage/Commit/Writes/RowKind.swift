import PostgreSQL
import ProgressorEngine

/// How one kind of row is written: all of a batch in one set-based statement.
protocol RowKind: Sendable {
  /// What is written of one row.
  associatedtype Value: Sendable

  /// It takes the columns as arrays, by `unnest`.
  static var statement: Statement { get }

  /// In the order in which the statement takes them. The only place that knows them, beside the
  /// SQL: a test holds both against each other.
  static var columns: [Column<Value>] { get }

  /// What there is to be written; nil = it is of another kind.
  static func value(of write: RowWrite) -> Value?

  /// About what a row takes of a statement beside some hundred bytes; none if it never takes more.
  static func bytes(of value: Value) -> Int

  /// Adds the statement with these rows, all of this kind. Required here only so that each kind
  /// gets code of its own for it.
  static func append(_ writes: [RecordWrite], of records: [CommitRecord], to: inout FencedPipeline)
}

extension RowKind {
  static func bytes(of value: Value) -> Int { 0 }

  /// The rows as they go into statements: as many as take a MiB, or one that takes more. So the
  /// database answers something every now and then, however much is written and however slow the
  /// line to it is, and neither side holds all of it once more.
  static func statements(of rows: [Column<Value>.Row]) -> [ArraySlice<Column<Value>.Row>] {
    var (statements, start, bytes): ([ArraySlice<Column<Value>.Row>], Int, Int) = ([], 0, 0)
    for (place, row) in rows.enumerated() {
      let more = Self.bytes(of: row.value)
      if bytes + more > mostStatementBytes, place > start {
        statements.append(rows[start..<place])
        (start, bytes) = (place, 0)
      }
      bytes += more
    }
    if start < rows.count { statements.append(rows[start...]) }
    return statements
  }

  static func append(
    _ writes: [RecordWrite], of records: [CommitRecord], to pipeline: inout FencedPipeline
  ) {
    var rows: [Column<Value>.Row] = []
    rows.reserveCapacity(writes.count)
    for write in writes {
      guard let value = value(of: write.write) else {
        assertionFailure("\(write.write.kind) among the rows of \(statement.name)")
        continue
      }
      let record = records[write.record]
      rows.append(
        Column.Row(
          shard: record.shard, namespace: record.namespace, machine: record.machine,
          key: record.key, value: value))
    }
    for part in statements(of: rows) {
      let rows = Array(part)
      var parameters = Parameters()
      for column in columns { column.append(rows, to: &parameters) }
      pipeline.append(statement, parameters)
    }
  }
}

/// What the rows of a statement may take together.
private let mostStatementBytes = 1 << 20

/// A row that a record of a batch writes.
struct RecordWrite {
  /// The place of the record in its batch.
  var record: Int
  var write: RowWrite
}

extension FencedPipeline {
  /// Adds what the records write: a statement for each kind of row that there is, or several for
  /// much of it.
  mutating func append(_ records: [CommitRecord]) {
    var writes = [[RecordWrite]](repeating: [], count: RowWrite.Kind.allCases.count)
    for (place, record) in records.enumerated() {
      record.forEachWrite { write in
        writes[write.kind.rawValue].append(RecordWrite(record: place, write: write))
      }
    }
    // A machine that is made and removed at once leaves its messages.
    let starting =
      writes[RowWrite.Kind.insertMachine.rawValue]
      + writes[RowWrite.Kind.insertMessage.rawValue].filter { records[$0.record].row == .keep }
    hold(starting.map { records[$0.record].namespace })
    for kind in RowWrite.Kind.allCases where !writes[kind.rawValue].isEmpty {
      kind.rows.append(writes[kind.rawValue], of: records, to: &self)
    }
  }

  /// Nothing is written unless all of these namespaces are there until the commit.
  private mutating func hold(_ namespaces: [NamespaceNumber]) {
    if namespaces.isEmpty { return }
    // In one order in all batches.
    let numbers = Set(namespaces).map(\.number).sorted()
    append(Statements.holdNamespaces, .with { $0.appendArray(numbers) })
  }
}
