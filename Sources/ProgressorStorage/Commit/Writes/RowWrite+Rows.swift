import ProgressorEngine

extension RowWrite.Kind {
  /// How it is written.
  var rows: any RowKind.Type {
    switch self {
    case .insertMachine: MachineInserts.self
    case .updateMachine: MachineUpdates.self
    case .noteStatus: StatusNotes.self
    case .pauseMachine: MachinePauses.self
    case .condemnMachine: CondemnedMachines.self
    case .requeueMachine: MachineRequeues.self
    case .countMessages: MessageCounts.self
    case .insertEvent: EventInserts.self
    case .insertTrace: TraceInserts.self
    case .insertFeed: FeedInserts.self
    case .insertNotification: NotificationInserts.self
    case .deleteNotification: NotificationDeletes.self
    case .rescheduleNotification: NotificationReschedules.self
    case .postponeMessage: MessagePostponements.self
    case .deleteMessage: MessageDeletes.self
    case .deleteMessages: MessageForgets.self
    case .insertMessage: MessageInserts.self
    case .deleteMachine: MachineDeletes.self
    case .rememberKey: IdempotencyKeys.self
    }
  }
}
