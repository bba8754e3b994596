import MachineModel
import ProgressorEngine

/// What the loop asks of the database. Answers come back through ``EngineLoop/submit(_:)``.
protocol StoragePort: Sendable {
  /// Performs effects of the kinds `load`, `list`, `readDue` and `commit`, in their order. Called
  /// once a turn, on the engine's loop; must not block.
  func perform(_ effects: [Effect])
  /// The engine has handled one `shardsLost`, and the effects up to it were handed to `perform`.
  func acknowledgeLoss()
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
}

/// Who wants to see what happens to the engine before it does. Confined to the engine's loop.
protocol InputObserver: AnyObject {
  func observe(_ input: Input, now: Moment)
}
