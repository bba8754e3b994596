import MachineModel
import PostgreSQL
import ProgressorEngine

/// The failures of machines whose rows cannot be read.
enum CondemnedMachines: RowKind {
  struct Sentence {
    var failure: Failure
    var version: Int64
  }

  static let statement = Statement(
    "commit_condemn_machines", PackageResources.commit_condemn_machines_sql)

  static func value(of write: RowWrite) -> Sentence? {
    if case .condemnMachine(let failure, let version) = write {
      Sentence(failure: failure, version: version)
    } else {
      nil
    }
  }

  static let columns: [Column<Sentence>] =
    [
      .shard, .machineKey,
      Column("version") { $0.value.version },
    ] + Column.failure { $0.failure } + Column.failedStep { $0.failure }
}
