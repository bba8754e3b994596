import MachineModel

/// The statements of SQL/, but for those that write the rows of a batch: Commit/Writes has them.
/// Names are those of the files; where one has several statements, of each with its variant.
enum Statements {
  static let schemaExisting = Statement(
    "schema_existing", PackageResources.schema_existing_sql)
  static let schemaCreate = Statement("schema_create", PackageResources.schema_create_sql)
  static let schemaVersionTable = Statement(
    "schema_version_table", PackageResources.schema_version_table_sql)
  static let schemaTryLock = Statement("schema_try_lock", PackageResources.schema_try_lock_sql)
  static let schemaUnlock = Statement("schema_unlock", PackageResources.schema_unlock_sql)
  static let schemaLockHolders = Statement(
    "schema_lock_holders", PackageResources.schema_lock_holders_sql)
  static let schemaHasMachines = Statement(
    "schema_has_machines", PackageResources.schema_has_machines_sql)
  static let schemaUnfinishedIndex = Statement(
    "schema_unfinished_index", PackageResources.schema_unfinished_index_sql)
  static let schemaBuildProgress = Statement(
    "schema_build_progress", PackageResources.schema_build_progress_sql)
  static let schemaBlockers = Statement(
    "schema_blockers", PackageResources.schema_blockers_sql)
  static let schemaPause = Statement("schema_pause", PackageResources.schema_pause_sql)
  static let schemaObstacles = Statement(
    "schema_obstacles", PackageResources.schema_obstacles_sql)
  static let schemaOlderNodes = Statement(
    "schema_older_nodes", PackageResources.schema_older_nodes_sql)
  static let schemaMissingRights = Statement(
    "schema_missing_rights", PackageResources.schema_missing_rights_sql)
  static let schemaIsOwn = Statement("schema_is_own", PackageResources.schema_is_own_sql)
  static let schemaMayCreate = Statement(
    "schema_may_create", PackageResources.schema_may_create_sql)
  static let schemaServer = Statement("schema_server", PackageResources.schema_server_sql)
  static let schemaServingRole = Statement(
    "schema_serving_role", PackageResources.schema_serving_role_sql)
  static let schemaVersion = Statement("schema_version", PackageResources.schema_version_sql)
  static let settingInitialise = Statement(
    "setting_initialise", PackageResources.setting_initialise_sql)
  static let settingShards = Statement("setting_shards", PackageResources.setting_shards_sql)

  static let sessionEncoding = Statement(
    "session_encoding", PackageResources.session_encoding_sql)
  static let sessionName = Statement("session_name", PackageResources.session_name_sql)
  static let sessionLockTimeout = Statement(
    "session_lock_timeout", PackageResources.session_lock_timeout_sql)
  static let sessionStatementTimeout = Statement(
    "session_statement_timeout", PackageResources.session_statement_timeout_sql)
  static let sessionDescriptions = Statement(
    "session_descriptions", PackageResources.session_descriptions_sql)
  static let sessionOthers = Statement(
    "session_others", PackageResources.session_others_sql)
  static let sessionEndOthers = Statement(
    "session_end_others", PackageResources.session_end_others_sql)

  static let registerNode = Statement(
    "lease_register_node", PackageResources.lease_register_node_sql)
  static let registerWriters = Statement(
    "lease_register_writers", PackageResources.lease_register_writers_sql)
  static let renew = Statement("lease_renew", PackageResources.lease_renew_sql)
  static let workingSessions = Statement(
    "lease_working_sessions", PackageResources.lease_working_sessions_sql)
  static let abdicate = Statement("lease_abdicate", PackageResources.lease_abdicate_sql)
  static let expiredNodes = Statement(
    "lease_expired_nodes", PackageResources.lease_expired_nodes_sql)
  static let takeOver = Statement("lease_take_over", PackageResources.lease_take_over_sql)
  static let claim = Statement("lease_claim", PackageResources.lease_claim_sql)
  static let owned = Statement("lease_owned", PackageResources.lease_owned_sql)
  static let release = Statement("lease_release", PackageResources.lease_release_sql)

  static let fence = Statement("commit_fence", PackageResources.commit_fence_sql)
  static let holdNamespaces = Statement(
    "commit_hold_namespaces", PackageResources.commit_hold_namespaces_sql)
  static let raiseEpoch = Statement(
    "commit_raise_epoch", PackageResources.commit_raise_epoch_sql, .fenceBeforeRead, "epoch + 1",
    with: "epoch")
  static let lockedMachines = Statement(
    "commit_locked_machines", PackageResources.commit_locked_machines_sql)
  static let sweepIdempotency = Statement(
    "commit_sweep_idempotency", PackageResources.commit_sweep_idempotency_sql)
  static let sweepTrace = Statement(
    "commit_sweep_trace", PackageResources.commit_sweep_trace_sql)
  static let probe = Statement("commit_probe", PackageResources.commit_probe_sql)
  static let sweepRemoved = Statement(
    "commit_sweep_removed", PackageResources.commit_sweep_removed_sql)

  static let witnessMachine = Statement("witness_machine", PackageResources.witness_machine_sql)
  static let witnessNotification = Statement(
    "witness_notification", PackageResources.witness_notification_sql)
  static let witnessMessage = Statement("witness_message", PackageResources.witness_message_sql)
  static let witnessIdempotency = Statement(
    "witness_idempotency", PackageResources.witness_idempotency_sql)
  static let witnessTrace = Statement("witness_trace", PackageResources.witness_trace_sql)

  static let loadRows = Statement("load_rows", PackageResources.load_rows_sql)
  static let loadRemains = Statement("load_remains", PackageResources.load_remains_sql)
  static let loadHistories = Statement("load_histories", PackageResources.load_histories_sql)
  static let loadHistorySize = Statement(
    "load_history_size", PackageResources.load_history_size_sql)
  static let loadHistoryPage = Statement(
    "load_history_page", PackageResources.load_history_page_sql)
  static let loadNotifications = Statement(
    "load_notifications", PackageResources.load_notifications_sql)
  static let loadIdempotency = Statement(
    "load_idempotency", PackageResources.load_idempotency_sql)
  static let listAny = list("any")
  static let listWorking = list("working")
  static let listRetrying = list("retrying")
  static let listFailed = list("failed")
  static let listPaused = list("paused")
  static let listFound = list("found")
  static let findFailures = Statement("find_failures", PackageResources.find_failures_sql)
  static let findLate = findLate("all")
  static let findLateInOrder = findLate("walk")
  static let countMachines = Statement("count_machines", PackageResources.count_machines_sql)
  static let listNotifications = Statement(
    "list_notifications", PackageResources.list_notifications_sql)
  static let trace = Statement("trace", PackageResources.trace_sql)
  static let dueMessages = Statement("due_messages", PackageResources.due_messages_sql)
  static let loadMessages = Statement("load_messages", PackageResources.load_messages_sql)
  static let loadMessage = Statement("load_message", PackageResources.load_message_sql)
  static let listMessages = Statement("list_messages", PackageResources.list_messages_sql)
  static let loadMessageNames = Statement(
    "load_message_names", PackageResources.load_message_names_sql)
  static let dueMachines = Statement("due_machines", PackageResources.due_machines_sql)

  static let namespaceAll = Statement("namespace_all", PackageResources.namespace_all_sql)
  static let namespaceNames = Statement("namespace_names", PackageResources.namespace_names_sql)
  static let namespaceWrite = Statement("namespace_write", PackageResources.namespace_write_sql)
  static let namespaceSetEndpoint = Statement(
    "namespace_set_endpoint", PackageResources.namespace_set_endpoint_sql)
  static let namespacePause = Statement("namespace_pause", PackageResources.namespace_pause_sql)
  static let namespaceMachines = Statement(
    "namespace_machines", PackageResources.namespace_machines_sql)
  static let namespaceLock = Statement("namespace_lock", PackageResources.namespace_lock_sql)
  static let namespaceDelete = Statement(
    "namespace_delete", PackageResources.namespace_delete_sql)

  static let repairJobInsert = Statement(
    "repair_job_insert", PackageResources.repair_job_insert_sql)
  static let repairJobCount = Statement(
    "repair_job_count", PackageResources.repair_job_count_sql)
  static let repairJobGet = repairJob("get")
  static let repairJobList = repairJob("list")
  static let repairJobNumbers = Statement(
    "repair_job_numbers", PackageResources.repair_job_numbers_sql)
  static let repairJobRunning = repairJob("running")
  static let repairJobPage = Statement(
    "repair_job_page", PackageResources.repair_job_page_sql)
  static let repairJobRecord = Statement(
    "repair_job_record", PackageResources.repair_job_record_sql)
  static let repairJobComplete = Statement(
    "repair_job_complete", PackageResources.repair_job_complete_sql)
  static let repairJobCancel = Statement(
    "repair_job_cancel", PackageResources.repair_job_cancel_sql)
  static let repairJobFailures = Statement(
    "repair_job_failures", PackageResources.repair_job_failures_sql)
  static let repairJobSweep = Statement(
    "repair_job_sweep", PackageResources.repair_job_sweep_sql)
  static let repairJobRunningCount = Statement(
    "repair_job_running_count", PackageResources.repair_job_running_count_sql)

  static let censusNamespaces = Statement(
    "census_namespaces", PackageResources.census_namespaces_sql)
  static let censusLate = Statement("census_late", PackageResources.census_late_sql)
  static let clusterNodes = Statement("cluster_nodes", PackageResources.cluster_nodes_sql)
  static let clusterShards = Statement("cluster_shards", PackageResources.cluster_shards_sql)
  static let clusterDatabase = Statement(
    "cluster_database", PackageResources.cluster_database_sql)
  static let clusterSize = Statement("cluster_size", PackageResources.cluster_size_sql)

  static let trimFeed = Statement("commit_trim_feed", PackageResources.commit_trim_feed_sql)
  static let feedReadAny = Statement(
    "feed_read_any", PackageResources.feed_read_sql, variant: "any")
  static let feedReadSome = Statement(
    "feed_read_some", PackageResources.feed_read_sql, variant: "some")
  static let feedHeads = Statement("feed_heads", PackageResources.feed_heads_sql)
  static let feedLags = Statement("feed_lags", PackageResources.feed_lags_sql)
  static let feedBeginnings = Statement("feed_beginnings", PackageResources.feed_beginnings_sql)
  static let feedConsumerMake = Statement(
    "feed_consumer_make", PackageResources.feed_consumer_make_sql)
  static let feedConsumerState = Statement(
    "feed_consumer_state", PackageResources.feed_consumer_state_sql)
  static let feedConsumerLock = Statement(
    "feed_consumer_lock", PackageResources.feed_consumer_lock_sql)
  static let feedConsumerDelete = Statement(
    "feed_consumer_delete", PackageResources.feed_consumer_delete_sql)
  static let feedConsumers = Statement("feed_consumers", PackageResources.feed_consumers_sql)
  static let feedBeat = Statement("feed_beat", PackageResources.feed_beat_sql)
  static let feedLeave = Statement("feed_leave", PackageResources.feed_leave_sql)
  static let feedAcknowledge = Statement(
    "feed_acknowledge", PackageResources.feed_acknowledge_sql)
  static let feedReset = Statement("feed_reset", PackageResources.feed_reset_sql)

  static let restoredPause = Statement("restored_pause", PackageResources.restored_pause_sql)
  static let restoredEpochs = Statement(
    "restored_epochs", PackageResources.restored_epochs_sql)
  static let restoredWait = Statement("restored_wait", PackageResources.restored_wait_sql)

  static let retainedTables = Statement(
    "retained_tables", PackageResources.retained_tables_sql)

  static let exportNamespace = Statement(
    "export_namespace", PackageResources.export_namespace_sql)
  static let exportIDs = Statement("export_ids", PackageResources.export_ids_sql)
  static let exportState = Statement("export_state", PackageResources.export_state_sql)
  static let exportEvents = Statement("export_events", PackageResources.export_events_sql)

  private static func list(_ status: String) -> Statement {
    Statement("list_\(status)", PackageResources.list_sql, variant: status)
  }

  private static func findLate(_ how: String) -> Statement {
    Statement("find_late_\(how)", PackageResources.find_late_sql, variant: how)
  }

  private static func repairJob(_ purpose: String) -> Statement {
    Statement("repair_job_\(purpose)", PackageResources.repair_job_sql, variant: purpose)
  }
}
