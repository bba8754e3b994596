import MachineModel

/// A namespace's pause is one of its settings: where it is paused no step begins, and what runs is
/// waited for.
extension Engine {
  /// The namespace is paused: steps that wait at its gate do not begin. Their machines find that
  /// out in turn; nothing that is due is lost.
  mutating func turnAway(_ namespace: NamespaceState) {
    guard let pause = namespace.settings.pause else { return }
    turnAway(namespace, .namespacePaused(pause))
  }

  /// Steps that wait at the namespace's gate end without having begun.
  mutating func turnAway(_ namespace: NamespaceState, _ error: ProgressorError) {
    for machine in namespace.gate.takeAll() {
      assert(machine.running?.station != nil, "who waits at a gate has a step that waits there")
      machine.running?.leaveStation()
      if machine.running?.requestID == nil {
        end(machine)
      } else {
        endUncommitted(machine, .error(error))
      }
    }
  }

  /// Answers when no step runs in the paused namespace any more.
  mutating func awaitQuiet(_ request: Request, _ namespace: NamespaceState) {
    guard namespace.settings.pause != nil, namespace.gate.steps > 0 else {
      return effects.append(.reply(request.id, .quiet))
    }
    register(request, .quiet, nil, in: namespace)
    namespace.awaitQuiet(request.id)
  }

  mutating func answerQuietWaiters(_ namespace: NamespaceState, _ reply: Reply = .quiet) {
    assert(
      namespace.gate.steps == 0 || namespace.settings.pause == nil || namespace.isGone,
      "a paused namespace is quiet when no step runs")
    for id in namespace.takeQuietWaiters() { answer(id, reply) }
  }
}
