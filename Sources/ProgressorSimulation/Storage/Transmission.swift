import MachineModel
import ProgressorEngine

/// A batch on its way through one connection to the database. It outlives the connection, the
/// writer's patience and the node: what is in the receive buffer of a backend is worked off.
struct Transmission {
  let batch: CommitBatch
  let node: Int
  let life: Int
  /// Of the batch on its node: repeated transmissions share it.
  let serial: Int
  /// Under which row of the node, and which epoch of its writer, it was sent.
  let identity: Int
  let epoch: Int64
  let concluded: [MachineID: Int]
  /// Its transaction is under way and holds the lock of the writer's row.
  var isOpen = false

  var slot: Int { batch.slot }
}

/// What a node's writer does next about the batch that it keeps.
enum WriterStage {
  /// It lost its session: a new one raises the epoch, looks whether the batch is there, and writes
  /// it if not.
  case reconnects
  /// As `reconnects`, after the lock of the old session's transaction was waited for in vain: the
  /// old session is ended.
  case endsOldSession
  /// It sends the batch once more through the session that it has.
  case repeats
  /// The node hears how it ended.
  case answered(Input)
}

/// Somebody's lock on a row of a machine.
struct RowLock {
  var until: Int64
  /// On the machine's own row, and not on another that its steps write.
  var isOfMachine: Bool
}
