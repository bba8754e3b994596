import MachineModel
import PostgreSQL
import ProgressorEngine

/// The machines of a node's shards that become due, oldest first.
struct DuePage {
  let query: DueQuery
  let node: SQLUUID

  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [DueMachine] {
    let after = query.after
    let parameters = Parameters.with {
      $0.append(node)
      $0.append(query.until.sql)
      $0.append((after?.due ?? .earliest).sql)
      $0.append(after?.shard.number ?? -1)
      $0.append(after?.key.number ?? .min)
      $0.append(Int32(clamping: query.limit))
      $0.append(query.namespace?.number)
    }
    var machines: [DueMachine] = []
    for row in try connection.run(Statements.dueMachines, parameters, timeout: timeout) {
      var reader = RowReader(row)
      let position = DuePosition(
        due: try reader.nextTime(), shard: ShardID(try reader.next()),
        key: MachineKey(try reader.next()))
      let machine = MachineID(namespace: try reader.next(), id: try reader.next())
      machines.append(DueMachine(position: position, machine: machine))
    }
    return machines
  }
}
