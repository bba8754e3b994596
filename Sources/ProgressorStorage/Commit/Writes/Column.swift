import MachineModel
import PostgreSQL
import ProgressorEngine

/// One column of what a batch writes of a kind of row: it is sent as one array.
struct Column<Value>: Sendable {
  /// A row to be written, and the machine that it is of.
  struct Row {
    let shard: ShardID
    let namespace: NamespaceNumber
    let machine: MachineID
    let key: MachineKey
    let value: Value
  }

  /// As the statement calls it.
  let name: String
  /// Of one element.
  let type: SQLType
  private let append: @Sendable ([Row], inout Parameters) -> Void

  /// - Parameter element: what a row has in this column; nil is NULL.
  init<Element: SQLValue>(
    _ name: String, _ element: @escaping @Sendable (Row) -> Element?
  ) {
    self.name = name
    type = Element.sqlType
    append = { rows, parameters in parameters.appendArray(rows, element) }
  }

  /// Appends the elements of all rows as the next parameter.
  func append(_ rows: [Row], to parameters: inout Parameters) {
    append(rows, &parameters)
  }
}
