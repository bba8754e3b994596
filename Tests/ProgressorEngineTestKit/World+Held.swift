package import ProgressorEngine

/// What was held back, and how it ends.
extension World {
  /// Takes the loads that were held back.
  package func loads() -> [LoadRequest] {
    defer { database.heldLoads = [] }
    return database.heldLoads
  }

  /// Takes the batches that were held back.
  package func commits() -> [CommitBatch] {
    defer { database.heldCommits = [] }
    return database.heldCommits
  }

  /// Takes the calls that a processor works on.
  package func calls() -> [Invocation] {
    defer { processor.held = [] }
    return processor.held
  }

  /// Takes the first of the loads that were held back.
  package func nextLoad() -> LoadRequest? {
    database.heldLoads.isEmpty ? nil : database.heldLoads.removeFirst()
  }

  /// Takes the first of the batches that were held back.
  package func nextCommit() -> CommitBatch? {
    database.heldCommits.isEmpty ? nil : database.heldCommits.removeFirst()
  }

  /// Takes the first of the calls that a processor works on.
  package func nextCall() -> Invocation? {
    processor.held.isEmpty ? nil : processor.held.removeFirst()
  }

  /// The load finds what the database has.
  package func load(_ load: LoadRequest) { play([loaded(load)]) }

  /// What the engine hears when the load finds what the database has.
  package func loaded(_ load: LoadRequest) -> Input {
    .loaded(load.id, .success(database.answer(load)))
  }

  /// Everything that was held back until now is loaded, in one turn, and nothing else.
  package func answerLoads() { play(loads().map(loaded)) }

  package func answer(_ call: Invocation, _ outcome: ProcessorOutcome = .ok) {
    play([.processorAnswered(call.step, attempt: call.attempt, outcome)])
  }

  /// Everything that processors worked on until now is answered, in one turn, and nothing else.
  package func answerCalls() { play(calls().map(answered)) }

  private func answered(_ call: Invocation) -> Input {
    .processorAnswered(call.step, attempt: call.attempt, processor.outcome(of: call) ?? .ok)
  }

  /// The batch is durable, and the engine hears of it.
  package func commit(_ batch: CommitBatch) { play([committed(batch)]) }

  private func committed(_ batch: CommitBatch) -> Input {
    database.apply(batch)
    return .committed(batch.id)
  }

  /// Nothing of the batch is in the database, through the fault of a step in it.
  package func refuse(_ batch: CommitBatch, _ fault: CommitRefusal.Fault = .overdue) {
    play([refused(batch, fault)])
  }

  package func refused(_ batch: CommitBatch, _ fault: CommitRefusal.Fault) -> Input {
    .refused(batch.id, CommitRefusal(fault, code: "00000", message: "no"))
  }

  /// The database does not take the batch for now.
  package func delay(_ batch: CommitBatch) { play([.commitDelayed(batch.id)]) }

  /// The lease is lost.
  package func fence(_ batch: CommitBatch) { play([.fenced(batch.id)]) }

  /// What was held back goes on, and what comes after it is held back no more.
  package func release() {
    (database.holdsCommits, database.holdsLoads, processor.holds) = (false, false, false)
    play(loads().map(loaded) + calls().map(answered) + commits().map(committed))
  }

  /// Nobody will answer what was held back.
  func forgetHeld() {
    (database.heldLoads, database.heldCommits, processor.held) = ([], [], [])
  }
}

extension CommitBatch {
  /// The names of the machines that are written, in that order.
  package var machines: [String] { records.map(\.machine.id) }
}
