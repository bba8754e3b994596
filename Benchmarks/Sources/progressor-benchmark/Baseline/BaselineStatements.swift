import PostgreSQL

/// The SQL of PostgreSQL alone: what a step changes in Progressor's own tables, written by hand as
/// plainly as it can be. No fence, no timers, no idempotency, nobody is called.
enum BaselineStatements {
  static let insertEvent = PreparedStatement(
    name: "insert_event",
    sql: """
      INSERT INTO event (shard, machine_key, id, created_at, format, data)
      VALUES ($1, $2, $3, $4, 1, $5)
      """,
    parameterTypes: [.int4, .int8, .int8, .timestamptz, .bytea])

  static let updateMachine = PreparedStatement(
    name: "update_machine",
    sql: """
      UPDATE machine SET version = version + 1, last_event_id = $3, last_event_at = $4
      WHERE shard = $1 AND machine_key = $2
      """,
    parameterTypes: [.int4, .int8, .int8, .timestamptz])

  static let insertEvents = PreparedStatement(
    name: "insert_events",
    sql: """
      INSERT INTO event (shard, machine_key, id, created_at, format, data)
      SELECT shard, machine_key, id, created_at, 1, data
      FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])
        AS step (shard, machine_key, id, created_at, data)
      """,
    parameterTypes: arrays([.int4, .int8, .int8, .timestamptz, .bytea]))

  static let updateMachines = PreparedStatement(
    name: "update_machines",
    sql: """
      UPDATE machine SET
        version = version + 1, last_event_id = step.id, last_event_at = step.created_at
      FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[])
        AS step (shard, machine_key, id, created_at)
      WHERE machine.shard = step.shard AND machine.machine_key = step.machine_key
      """,
    parameterTypes: arrays([.int4, .int8, .int8, .timestamptz]))

  static let insertMachines = PreparedStatement(
    name: "insert_machines",
    sql: """
      INSERT INTO machine (
        shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
        notification_count, notification_retrying)
      SELECT shard, machine_key, 1, 'machine-' || machine_key, 1, created_at, 1, created_at,
        0, false
      FROM unnest($1::int[], $2::bigint[], $3::timestamptz[])
        AS started (shard, machine_key, created_at)
      """,
    parameterTypes: arrays([.int4, .int8, .timestamptz]))

  private static func arrays(_ types: [SQLType]) -> [SQLType] {
    types.map { $0.array ?? .unknown }
  }
}
