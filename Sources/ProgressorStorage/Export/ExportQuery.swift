public import MachineModel

/// What is exported, and from where on.
public struct ExportQuery: Sendable {
  /// The name of the namespace.
  public var namespace: String
  /// Only these, in the order of their bytes and each once; empty = all.
  public var ids: [String]
  /// Where the page begins.
  public var position: ExportPosition
  /// About the bytes of a page: what exceeds them is its last.
  public var bytes: Int64
  /// Whether nobody waits for the page any more. Asked between any two looks at the database, from
  /// another thread.
  public var isOver: @Sendable () -> Bool

  /// - Parameter ids: In any order.
  public init(
    namespace: String, ids: [String], position: ExportPosition, bytes: Int64,
    isOver: @escaping @Sendable () -> Bool = { false }
  ) {
    self.namespace = namespace
    self.isOver = isOver
    var sorted: [String] = []
    for id in ids.sorted(by: { $0.precedesExactly($1) })
    where sorted.last.map({ !$0.isExactly(id) }) ?? true {
      sorted.append(id)
    }
    self.ids = sorted
    self.position = position
    self.bytes = bytes
  }
}

/// A page of an export.
public struct ExportPage: Sendable {
  /// Its pieces.
  public var parts: [MachinePart]
  /// nil = it is the last.
  public var next: ExportPosition?
}
