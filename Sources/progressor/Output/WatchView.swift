import MachineModel
import ProgressorProto
import Synchronization

/// Prints what is shown of one machine, as it comes.
final class WatchView: Sendable {
  private struct State {
    var lastEventID: Int64
    /// When the machine was made that is shown.
    var createdAt: Timestamp?
    /// What was told of the machine last.
    var summary: TerminalText?
    var isInterrupted = false
  }

  private let json: Bool
  private let state: Mutex<State>

  /// - Parameter after: The last event that need not be shown.
  init(after: Int64, json: Bool) {
    self.json = json
    state = Mutex(State(lastEventID: after))
  }

  /// The last event that was shown.
  var lastEventID: Int64 { state.withLock { $0.lastEventID } }
  /// Something was shown.
  var hasBegun: Bool { state.withLock { $0.summary != nil } }

  /// Shows what is new in it. False = it is about another machine of the name.
  func show(_ response: WatchResponse) -> Bool {
    state.withLock { state in
      state.isInterrupted = false
      switch response {
      case .machine(let machine):
        if let createdAt = state.createdAt, createdAt != machine.createdAt { return false }
        state.createdAt = machine.createdAt
        show(machine, &state)
      case .event(let event):
        if event.id <= state.lastEventID { return true }
        state.lastEventID = event.id
        if json {
          Output.printLine(.members(["event": MachineJSON.event(event)]))
        } else {
          Output.print(MachineText.line(event))
        }
      case .heartbeat: break
      }
      return true
    }
  }

  private func show(_ machine: Machine, _ state: inout State) {
    let summary = MachineText.summary(machine)
    defer { state.summary = summary }
    if json { return Output.printLine(.members(["machine": MachineJSON.value(machine)])) }
    if state.summary == nil {
      Output.print(MachineText.lines(machine).joined(separator: "\n"))
    } else if state.summary != summary {
      Output.print("  " + summary)
    }
  }

  func removed(_ machine: MachineID) {
    guard json else { return Output.print("  removed") }
    Output.printLine(
      .members([
        "removed": .members(["namespace": .string(machine.namespace), "id": .string(machine.id)])
      ]))
  }

  /// Said once until something is shown again.
  func isInterrupted(by failure: ClientFailure) {
    let isNew = state.withLock { state in
      defer { state.isInterrupted = true }
      return !state.isInterrupted
    }
    if isNew { Output.printError("\(failure.status.code.name): waiting for a server that has it") }
  }
}
