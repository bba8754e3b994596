import MachineModel
import PostgreSQL
import ProgressorEngine

/// The machines of a part of a node's shards that become due, of each span of a query, oldest
/// first.
struct DuePages {
  let spans: [DueSpan]
  let part: ShardPart
  let node: SQLUUID

  /// A page for each span, in their order, of one snapshot.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [DuePage] {
    var pipeline = Pipeline()
    for span in spans { pipeline.append(Statements.dueMachines, parameters(of: span)) }
    let results = try connection.run(pipeline, timeout: timeout)
    var pages: [DuePage] = []
    for (span, rows) in zip(spans, results) { pages.append(try page(of: span, rows)) }
    return pages
  }

  private func page(of span: DueSpan, _ rows: ResultSet) throws(PostgreSQLError) -> DuePage {
    var page = DuePage(machines: [], reached: .end(of: span.until))
    for row in rows {
      var reader = RowReader(row)
      let position = DuePosition(
        due: try reader.nextPlace(), shard: ShardID(try reader.next()),
        key: MachineKey(try reader.next()))
      if rows.count == Int(span.limit) { page.reached = .after(position) }
      guard let id: String = try reader.nextOptional() else { continue }
      page.machines.append(
        DueMachine(position: position, machine: MachineID(namespace: span.name, id: id)))
    }
    return page
  }

  private func parameters(of span: DueSpan) -> Parameters {
    let bound = Bound(span.from)
    return .with {
      $0.append(node)
      $0.append(span.namespace.number)
      $0.append(bound.due?.sql)
      $0.append(bound.shard)
      $0.append(bound.key)
      $0.append(span.until.sql)
      $0.append(span.limit)
      $0.append(part.cores)
      $0.append(part.core.number)
    }
  }

  /// A cut as the place behind which it lies, in numbers: no machine has a place between both.
  struct Bound: Equatable {
    /// nil = before all times. A due time of -infinity is none: it is left out with what is before
    /// it.
    var due: Timestamp?
    var shard: Int32
    var key: Int64

    init(_ cut: DueCut) {
      switch cut {
      case .start: self.init(due: nil, shard: .max, key: .max)
      case .end(let time): self.init(due: time, shard: .max, key: .max)
      case .after(let place):
        self.init(due: place.due, shard: place.shard.number, key: place.key.number)
      case .before(let place):
        let (key, isFirst) = place.key.number.subtractingReportingOverflow(1)
        // Of the first key in a shard, the place before is the last of the shard before.
        let (shard, isFirstOfAll) = place.shard.number.subtractingReportingOverflow(1)
        if !isFirst {
          self.init(due: place.due, shard: place.shard.number, key: key)
        } else if !isFirstOfAll {
          self.init(due: place.due, shard: shard, key: .max)
        } else {
          self.init(
            due: Timestamp(microseconds: place.due.microseconds - 1), shard: .max, key: .max)
        }
      }
    }

    private init(due: Timestamp?, shard: Int32, key: Int64) {
      self.due = due
      self.shard = shard
      self.key = key
    }
  }
}
