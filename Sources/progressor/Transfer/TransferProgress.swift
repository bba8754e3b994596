import Glibc
import MachineModel

/// How far a transfer is: shown on a terminal while it lasts, and told at its end. On standard
/// error, since standard output may be what is transferred.
struct TransferProgress {
  private let verb: String
  private var machines = 0
  private var events = 0
  private var notifications = 0
  private var skipped = 0
  /// A program reads standard error: nothing but an error belongs there.
  private let json: Bool
  private let showsLine: Bool
  /// The last machine that is complete.
  private(set) var last: String?

  init(_ verb: String, json: Bool) {
    (self.verb, self.json) = (verb, json)
    showsLine = !json && isatty(STDERR_FILENO) == 1
  }

  mutating func note(_ part: MachinePart) {
    switch part {
    case .head: break
    case .events(let more): events += more.count
    case .notifications(let more): notifications += more.count
    case .end(let end):
      guard end.discarded == nil else { return }
      machines += 1
      last = end.id
    }
  }

  mutating func note(_ parts: [MachinePart]) { for part in parts { note(part) } }

  mutating func noteSkipped() { skipped += 1 }

  func show() { if showsLine { Output.showProgress(text) } }

  /// The last line stays.
  func finish() {
    if json { return }
    if showsLine { Output.showProgress("") }
    Output.printError(text)
  }

  private var text: TerminalText {
    let skipped: TerminalText = self.skipped == 0 ? "" : ", \(self.skipped) skipped that exist"
    return "\(verb) \(machines) machines, \(events) events, \(notifications) notifications"
      + skipped
  }
}
