/// The rules that a run is checked against.
public enum Invariant: String, Sendable, Hashable, CaseIterable {
  case oneInvocation = "I1 one invocation per machine"
  case answersAreKept = "what a processor answered is not asked again under one lease"
  case acknowledgedIsDurable = "I2 acknowledged means durable"
  case historyWithoutGap = "I3 history without a gap"
  case ownerCommits = "I4 only the owner commits"
  case notificationsDelivered = "I5 notifications are delivered in order"
  case timersFireOnce = "I6 a timer fires once, not before its time"
  case timersInTime = "what is due runs soon when nothing holds it"
  case failedMachineRests = "I7 a failed machine rests"
  case oneEffectPerKey = "I8 one effect per idempotency key"
  case bounds = "I10 everything is bounded"
  case accounts = "memory agrees with itself"
  case everythingFinishes = "I11 everything pending finishes"
  case incarnations = "I12 an incarnation is another machine"
  case pausedRests = "where it is paused no step begins"
  case principals = "a step carries who asked for it"
  case waitsEnd = "I15 a wait is answered when its condition is committed, or at its time"
  case goneRests = "where there is no namespace no step begins"
  case messagesOnce = "I13 a message of a committed step takes effect once, or is undeliverable"
  case messagesCommitted = "I14 nothing of a refused or lost step is sent"
  case feedInOrder = "I9 the feed tells what was committed, in order"
  case attemptsCounted = "attempts are counted durably"
  case recordedOnce = "what happens to a machine is recorded once"
  case oneReply = "a request has one reply"
  case batchRules = "a batch keeps its rules"
  case rowRules = "a row agrees with what hangs on it"
  case truthfulReads = "a read shows a state that was"
  case readsGoOn = "a read shows no less than one before"
  case expectedMachine = "a request is for the machine that its client expects"
  case truthfulErrors = "an error tells what was"
  case leaseRespected = "without a lease no step begins"
  case droppedRequests = "a dropped request begins nothing"
  case timeMovesOn = "the engine does not spin"
}

/// An invariant that did not hold: a bug of the engine, or of the simulation.
public struct Violation: Error, Sendable, Hashable, CustomStringConvertible {
  /// Which rule was broken.
  public var invariant: Invariant
  /// Where and how; for people.
  public var message: String

  public init(_ invariant: Invariant, _ message: String) {
    self.invariant = invariant
    self.message = message
  }

  public var description: String { "\(invariant.rawValue): \(message)" }
}

/// Throws unless the condition holds; the message is made only then.
func require(
  _ condition: Bool, _ invariant: Invariant, _ message: @autoclosure () -> String
) throws(Violation) {
  if !condition { throw Violation(invariant, message()) }
}
