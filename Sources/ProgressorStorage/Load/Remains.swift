import Logging
import PostgreSQL
import ProgressorEngine

/// Answers loads, those of damaged machines too: with what is left of them.
struct Remains {
  let reader: ReaderSession<MachineLoader.Item>
  let deliver: @Sendable (Input) -> Void

  /// Tells the engine how a load ended. One that has not ended is left alone.
  func conclude(_ item: MachineLoader.Item, _ answer: LoadRound.Answer) {
    switch answer {
    case .found(let loaded): deliver(.loaded(item.request.id, .success(loaded)))
    case .unreadable(let why): self.answer(item, why)
    case .unreadableKey(let why): deliver(.loaded(item.request.id, .failure(.unreadable(why))))
    case .deferred, .apart: return
    }
  }

  /// The machine's rows cannot be read: what is left of it.
  func answer(_ item: MachineLoader.Item, _ why: String) {
    let request = item.request
    let parameters = Parameters.with {
      $0.append(request.shard.number)
      $0.append(request.namespace.number)
      $0.append(request.machine.id)
    }
    do {
      let row = try reader.connection().run(
        Statements.loadRemains, parameters, timeout: reader.timeout
      ).first
      guard let row else { return fail(item, .unreadable(why)) }
      var columns = RowReader(row)
      let remains = try columns.nextRemains(of: request)
      deliver(.loaded(request.id, .success(Loaded(row: remains, damage: why))))
    } catch {
      reader.logger.error(
        "nothing of a damaged machine can be read",
        metadata: ["machine": "\(request.machine)", "error": "\(error)"])
      fail(item, ReadFailure(error) ?? .unavailable)
    }
  }

  private func fail(_ item: MachineLoader.Item, _ failure: ReadFailure) {
    deliver(.loaded(item.request.id, .failure(failure)))
  }
}
