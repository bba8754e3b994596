import MachineModel

/// The first of two steps of one request, for which its machine has to be there: the start, unless
/// it is there already. What the request wants of the machine comes next, before all others.
struct OpeningStep: StepOperation {
  /// What comes next.
  enum Sequel {
    case call(CallStep)
    case notification(Notice)
  }

  let start: StartStep
  let then: Sequel

  var kind: StepKind? { start.kind }
  var counted: NamespaceCounts.Step? { start.counted }
  var asksProcessor: Bool { start.asksProcessor }
  var showsHistory: Bool { start.showsHistory }

  func begin(_ view: StepView) -> Beginning {
    view.row == nil ? start.begin(view) : .decided(.goOn)
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    start.question(view, serial: serial)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    switch start.conclude(verdict, answered, view) {
    case .write(let change, .started?): .writeAndGoOn(change)
    case let refusal: refusal
    }
  }

  /// What cannot be read of a machine that is there is for the next step to say.
  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision { .goOn }
}
