import MachineModel

/// The namespaces that there are.
struct NamespaceTable {
  private var byName: [ExactText: NamespaceState] = [:]
  private var byNumber: [NamespaceNumber: NamespaceState] = [:]
  /// Until storage has told them, nobody hears that one is missing.
  private(set) var areKnown = false
  /// How often they were told.
  private var changes: UInt64 = 0
  private let part: ShardPart

  /// - Parameter part: Of the core.
  init(_ part: ShardPart = .all) { self.part = part }

  subscript(name: String) -> NamespaceState? { byName[ExactText(name)] }
  subscript(number: NamespaceNumber) -> NamespaceState? { byNumber[number] }

  /// In no order.
  var all: some Collection<NamespaceState> { byNumber.values }

  /// In an order that is the same in every run.
  var inOrder: [NamespaceState] { all.sorted { $0.number.number < $1.number.number } }

  /// Takes over what there is now; those that stay are the same objects. Answers those that are
  /// gone.
  mutating func replace(with records: [NamespaceRecord]) -> [NamespaceState] {
    let known = byNumber
    byName = [:]
    byNumber = [:]
    areKnown = true
    changes += 1
    for record in records {
      let name = ExactText(record.namespace.name)
      var namespace = NamespaceState(record, part, generation: changes)
      // Another namespace may have the name, and another name the number.
      if let same = known[record.number], ExactText(same.settings.name) == name {
        same.change(record.namespace)
        namespace = same
      }
      byName[name] = namespace
      byNumber[record.number] = namespace
    }
    let gone = known.values.filter { byNumber[$0.number] !== $0 }
    assert(!gone.contains(where: \.isGone), "a namespace is gone once")
    return gone.sorted { $0.number.number < $1.number.number }
  }
}
