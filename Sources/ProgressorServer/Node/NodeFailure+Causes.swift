import EmbeddedPostgreSQL
import GRPC
import ProgressorStorage

extension NodeFailure {
  /// The private cluster of `directory` did not start.
  init(_ error: EmbeddedPostgreSQLError, directory: String) {
    let kind: Kind =
      switch error.kind {
      case .notInstalled, .startFailed: .databaseUnavailable
      case .inUse: .dataDirectoryInUse
      case .inaccessible, .damaged, .otherVersion: .dataDirectoryUnusable
      case .stopped: .stopped
      }
    self.init(kind, "the private PostgreSQL cluster in \(directory): \(error.description)")
  }

  /// Storage did not start.
  init(_ error: StorageError) {
    switch error.kind {
    case .unreachable:
      self.init(
        .databaseUnavailable,
        "the database cannot be reached: \(error.description); check --database-url and that "
          + "PostgreSQL runs there")
    case .crowded:
      self.init(
        .databaseUnavailable, "the database has no room for this server: \(error.description)")
    case .busy: self.init(.databaseUnavailable, "the database: \(error.description)")
    case .unfit, .schema, .rights:
      self.init(.databaseUnusable, "the database: \(error.description)")
    }
  }

  /// The server cannot listen.
  init(_ error: ServerError, flag: String = "--listen") {
    switch error {
    case .addressInUse:
      self.init(
        .addressInUse,
        "\(error.description): stop that process, or choose another address with \(flag)")
    case .cannotBind, .alreadyStarted:
      self.init(.addressUnusable, "\(error.description): choose another address with \(flag)")
    }
  }
}
