import MachineModel
import ProgressorEngine

/// What the loop asks of the database. Answers come back through ``EngineGroup/submit(_:)``.
protocol StoragePort: Sendable {
  /// Performs effects of the kinds `load`, `list`, `readTrace`, `readDue`, `readMessages`,
  /// `loadMessages` and `commit`, in their order. Called
  /// once a turn, on the loop of the engine that has them; must not block.
  func perform(_ effects: [Effect])
}

/// What the loop asks of processors. Answers come back through ``EngineLoop/submit(_:)``. Confined
/// to the engine's loop.
protocol ProcessorPort: AnyObject {
  /// Calls a processor; `now` is the turn's.
  func invoke(_ invocation: Invocation, now: Moment)
  /// Ends a call that waits for its endpoint.
  func callOff(_ step: StepID, attempt: Int32)
  /// Tells when the namespace's endpoint can be reached.
  func awaitEndpoint(_ namespace: NamespaceNumber)
  /// The namespaces as they are now.
  func namespacesChanged(_ records: [NamespaceRecord])
  /// Nothing is asked any more: what is under way ends as lost.
  func close()
}

/// Who wants to see what the engines are told from outside.
protocol InputObserver: AnyObject, Sendable {
  /// Called on whichever thread tells it, side by side for different ones; must not block.
  func observe(_ input: Input)
}
