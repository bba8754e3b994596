import MachineModel

/// What a step is for: everything in which one kind of step differs from another, as one value. It
/// looks at the committed machine and decides; the engine does what it decided.
///
/// A kind of step is a file in this folder. Whatever it needs to know beside the machine are the
/// value's own properties.
protocol StepOperation {
  /// As statuses name it; nil for a step that fails no machine.
  var kind: StepKind? { get }
  /// As statistics name it; nil for what nobody asked for.
  var counted: NamespaceCounts.Step? { get }
  /// It passes the gate, unless it finds out before that there is nothing to ask.
  var asksProcessor: Bool { get }
  /// It may show a history to its processor.
  var showsHistory: Bool { get }
  /// A failure of the machine answers its request before its turn.
  var endsWithMachine: Bool { get }
  /// It goes before everything that waits on the machine.
  var isUrgent: Bool { get }
  /// Who waits for it waits to take the machine away, or to stop it: what cannot be written of the
  /// machine is not kept in its way.
  var takesAway: Bool { get }
  /// As what happened is recorded of it; nil = nothing of its own is.
  var recordedKind: StepKind? { get }
  /// People are told when it removes the machine: that is not the end of the machine's own work.
  var tellsRemoval: Bool { get }
  /// What it wants written is kept where the database can write other things, and not that, yet:
  /// its processor has answered.
  var isKept: Bool { get }

  /// Which events its processor is shown; nil when it is shown none, or when what says it is not in
  /// memory yet. `fallback` is the namespace's.
  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange?

  /// The queued notification that it is about, by its sequence; nil = none, or none that there can
  /// be in this shard.
  func notification(in shard: ShardID) -> Int64?

  /// The message of its machine that it is about, by number; nil = none.
  var message: Int64? { get }

  /// Everything that it needs is in memory, and its history is not too large to be shown unless
  /// `view` says so.
  func begin(_ view: StepView) -> Beginning

  /// What the processor is asked, for the step's number in its shard; nil when there is nothing to
  /// ask any more.
  func question(_ view: StepView, serial: Int64) -> Question?

  /// The processor has answered, or nobody knows whether it has.
  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision

  /// The machine is there, and what else is needed of it cannot be read.
  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision
}

/// How a step goes on that has everything it needs.
enum Beginning {
  /// The processor is asked, as soon as the namespace's gate lets the step through.
  case ask
  /// There is nothing to ask.
  case decided(Decision)

  static var pass: Beginning { .decided(.pass) }
  static func answer(_ reply: Reply) -> Beginning { .decided(.answer(reply)) }
  static func write(_ change: Change, _ reply: Reply?) -> Beginning {
    .decided(.write(change, reply))
  }
}

/// What becomes of a step.
enum Decision {
  /// There is nothing to do, and nobody who waits for an answer.
  case pass
  /// The answer, as memory knows it: it is given only while the lease holds.
  case answer(Reply)
  /// The machine stays as it is, whoever its owner is.
  case refuse(ProgressorError)
  /// The processor cannot be reached: what nobody waits for goes on when it can.
  case awaitEndpoint
  /// The answer is given once this is durable.
  case write(Change, Reply?)
  /// There is nothing to do before what its request wants next.
  case goOn
  /// What its request wants next is done once this is durable.
  case writeAndGoOn(Change)
}

/// What a step asks its processor.
struct Question {
  var stimulus: Invocation.Stimulus
  /// The machine as the processor is to see it.
  var machine: Machine
  var attempt: Int32 = 1
  /// The same for every repetition of the step.
  var token: String
  /// How long the processor may take. Microseconds.
  var timeout: Int64
  var context: CallerContext

  var name: StepName { StepName(token: token, principal: context.principal) }
}

/// Of the call that was answered.
struct Answered {
  /// 1 the first time.
  var attempt: Int32
  /// The step's number in its shard, which no other has or will have.
  var serial: Int64
  /// Uniform in 0..<1.
  var random: Double
}

/// Steps that ask nobody.
extension StepOperation {
  var kind: StepKind? { nil }
  var asksProcessor: Bool { false }
  var showsHistory: Bool { asksProcessor }
  var endsWithMachine: Bool { false }
  var isUrgent: Bool { false }
  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange? { nil }
  func question(_ view: StepView, serial: Int64) -> Question? { nil }
  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision { .pass }
  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision {
    .refuse(.damaged(damage))
  }
}

/// Steps of a machine that stays.
extension StepOperation {
  var takesAway: Bool { false }
  var recordedKind: StepKind? { kind }
  var tellsRemoval: Bool { false }
}

/// Steps that something was done for.
extension StepOperation {
  var isKept: Bool { true }
}

/// Steps that are about no notification, nor message.
extension StepOperation {
  var message: Int64? { nil }
  func notification(in shard: ShardID) -> Int64? { nil }
}
