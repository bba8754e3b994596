/// What a namespace has so many of on a node, whatever its number of cores.
public enum PermitKind: Int, Sendable, Hashable, CaseIterable {
  /// Steps that passed the gate and are not over (`limits.steps_in_flight`).
  case step
  /// Calls of the processor that have not ended (`processor.max_in_flight`).
  case invocation
}

/// How permits of a namespace move between the cores of a node.
///
/// Each namespace has a home, the core that lends them: it knows how many each core has. A core
/// asks it for more when its steps wait, and gives back what it is asked for.
public struct PermitMessage: Sendable, Hashable {
  /// What is said.
  public enum Content: Sendable, Hashable {
    /// To the home: so many steps wait here for permits; 0 = none any more.
    case wanted(Int)
    /// To the home: so many are its again.
    case returned(Int)
    /// From the home: so many more may be used. None at all says that the home is there: what was
    /// wanted of it before, it did not hear.
    case lent(Int)
    /// From the home: so many are to come back, what is not used at once and the rest when it
    /// becomes free.
    case recalled(Int)
  }

  /// Who says it.
  public var from: CoreNumber
  /// To whom; never to itself once it is an effect.
  public var to: CoreNumber
  /// Whose permits.
  public var namespace: NamespaceNumber
  /// How often the namespaces had changed when this one came; the same on each core. One that was
  /// gone and is back has other permits than before.
  public var generation: UInt64
  /// Which of the namespace's permits.
  public var kind: PermitKind
  /// What is said of them.
  public var content: Content
  /// What each core may keep when others want more, at the present limit; said by the home.
  public var fairShare: Int
}
