import MachineModel

/// A namespace's limits are its node's: its permits move between the cores by messages.
extension Engine {
  /// Another core, or this one, moves permits.
  mutating func heard(_ message: PermitMessage) {
    assert(message.to == configuration.part.core, "a core hears what it is told")
    guard let namespace = namespaces[message.namespace],
      namespace.permits?.generation == message.generation
    else { return refuse(message) }
    let (from, kind) = (message.from, message.kind)
    switch message.content {
    case .wanted(let number):
      decide(namespace, kind) { $0.wants(from, number) }
    case .returned(let number):
      decide(namespace, kind) { $0.returned(from, number) }
    case .lent(let number):
      namespace.permits?[kind].lent(number, fairShare: message.fairShare)
      takeOver(namespace)
    case .recalled(let number):
      namespace.permits?[kind].recalled(number, fairShare: message.fairShare)
      takeOver(namespace)
    }
  }

  /// What is lent to a namespace that this core does not know yet, or no more, goes back. What its
  /// home is told before it knows the namespace need not be heard: it will say that it is there.
  private mutating func refuse(_ message: PermitMessage) {
    guard case .lent(let number) = message.content, number > 0 else { return }
    var answer = message
    (answer.from, answer.to) = (message.to, message.from)
    assert(answer.from == configuration.part.core, "a core gives back what it was lent")
    answer.content = .returned(number)
    send(answer)
  }

  private mutating func takeOver(_ namespace: NamespaceState) {
    namespace.followPermits()
    assert(
      namespace.gate.limits.steps >= 0 && namespace.gate.limits.invocations >= 0,
      "a core may use no less than nothing")
    ready.add(namespace)
  }

  /// The namespace is new, or its limits may have changed: on its home they are lent anew.
  mutating func lendPermits(_ namespace: NamespaceState) {
    let limits = namespace.nodeLimits
    for kind in PermitKind.allCases {
      decide(namespace, kind) { $0.begin(limit: limits[kind]) }
    }
  }

  private mutating func decide(
    _ namespace: NamespaceState, _ kind: PermitKind,
    _ decision: (inout PermitPool) -> [PermitPool.Order]
  ) {
    let orders = namespace.permits?.decide(kind, decision) ?? []
    assert(
      orders.isEmpty || namespace.permits?.home == configuration.part.core,
      "only a namespace's home lends")
    for order in orders {
      switch order {
      case .lend(let core, let number): send(.lent(number), to: core, namespace, kind)
      case .recall(let core, let number): send(.recalled(number), to: core, namespace, kind)
      }
    }
  }

  /// Gives back what is asked for and not needed, and asks for what is missing.
  ///
  /// A step needs a permit of each kind, and they come apart. Were each given back when the other
  /// is not there, they could miss each other for ever; if both were kept, two cores could wait for
  /// each other. So they are had in order: first a step's, which is kept for it, then a call's,
  /// which is wanted and kept only for steps that have theirs.
  mutating func balancePermits(_ namespace: NamespaceState) {
    // A lone core has all of them.
    guard let home = namespace.permits?.home else { return }
    let gate = namespace.gate
    for kind in PermitKind.allCases {
      let used = gate.used(kind)
      var waiting = gate.waitingToPass
      if kind == .invocation { waiting = min(waiting, max(0, gate.free(.step))) }
      let returned =
        namespace.permits?[kind].takeReturnable(
          used: used, waiting: waiting, keepsUnused: kind == .step) ?? 0
      namespace.followPermits()
      if returned > 0 { send(.returned(returned), to: home, namespace, kind) }
      let wanted = max(0, waiting - max(0, gate.free(kind)))
      if let wish = namespace.permits?[kind].takeWish(wanted) {
        send(.wanted(wish), to: home, namespace, kind)
      }
    }
  }

  private mutating func send(
    _ content: PermitMessage.Content, to core: CoreNumber, _ namespace: NamespaceState,
    _ kind: PermitKind
  ) {
    guard let permits = namespace.permits else {
      return assertionFailure("a lone core asks nobody")
    }
    assert(
      core == permits.home || configuration.part.core == permits.home,
      "permits come from their home, or go there")
    send(
      PermitMessage(
        from: configuration.part.core, to: core, namespace: namespace.number,
        generation: permits.generation, kind: kind, content: content,
        fairShare: permits.pool(kind)?.fairShare ?? 0))
  }

  /// What the core has to say to itself, it hears in the same turn.
  private mutating func send(_ message: PermitMessage) {
    assert(message.from == configuration.part.core, "a core speaks for itself")
    if message.to == configuration.part.core {
      ready.add(message)
    } else {
      effects.append(.sendPermits(message))
    }
  }
}

extension Gate.Limits {
  subscript(kind: PermitKind) -> Int {
    switch kind {
    case .step: steps
    case .invocation: invocations
    }
  }
}
