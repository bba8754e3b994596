import MachineModel
import ProgressorEngine

/// A user's processor that answers by chance. What it answers carries the invocation's number, so
/// that it is known again in the database.
struct SimulatedProcessor {
  /// How an invocation will end, and when.
  struct Ending {
    var outcome: ProcessorOutcome
    /// Microseconds from the call on.
    var latency: Int64
    /// Its contents are such that the database refuses them.
    var isPoisoned = false
    /// They break a rule of the contract.
    var isUnusable = false
    /// It may come after the deadline, as if the client's clock were late.
    var mayBeLate = false
  }

  var world: World

  /// In the quiet phase a processor answers at once, with an event and no further timer.
  /// - Parameter latency: Microseconds.
  func quietEnding(_ number: Int, latency: Int64) -> Ending {
    Ending(
      outcome: .answered(
        ProcessorAnswer(
          response: Tag.bytes(UInt64(number)),
          change: StateChange(events: [Content(data: Tag.bytes(UInt64(number)))]))),
      latency: latency)
  }

  func ending(
    _ number: Int, _ invocation: Invocation, wall: Timestamp, rest: Int64,
    _ plan: inout FaultPlan, _ random: inout RandomSource
  ) -> Ending {
    var ending = Ending(
      outcome: .answered(ProcessorAnswer()), latency: random.within(50...2_000))
    if plan.strikes(.processorSlow, &random) {
      ending.latency = random.duration(upTo: 20 * world.longPause)
    }
    if plan.strikes(.processorLate, &random) {
      ending.latency = min(rest, 40_000_000) + random.within(-200...5_000)
      ending.mayBeLate = true
    }
    if let failure = failure(&plan, &random) {
      ending.outcome = failure
      return ending
    }
    var answer = answer(number, wall: wall, &random)
    if plan.strikes(.answerInvalid, &random) {
      spoil(&answer, number, &random)
      ending.isUnusable = true
    }
    ending.outcome = .answered(answer)
    let writes = !answer.change.events.isEmpty || answer.change.auxState?.isEmpty == false
    ending.isPoisoned = writes && plan.strikes(.poisonedContent, &random)
    return ending
  }

  private func failure(_ plan: inout FaultPlan, _ random: inout RandomSource)
    -> ProcessorOutcome?
  {
    if plan.strikes(.processorTransient, &random) {
      return status(
        [
          .unavailable, .deadlineExceeded, .resourceExhausted, .aborted, .cancelled,
          .unimplemented, .unauthenticated,
        ], &random)
    }
    if plan.strikes(.processorRefused, &random) {
      return status(
        [
          .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .outOfRange,
          .permissionDenied,
        ], &random)
    }
    if plan.strikes(.processorFatal, &random) {
      return status([.unknown, .internal, .dataLoss], &random)
    }
    if plan.strikes(.processorUnusable, &random) { return .unusable(message: "cannot be decoded") }
    if plan.strikes(.processorUnreachable, &random) {
      return .unreachable(message: "the stream was refused")
    }
    if plan.strikes(.processorLost, &random) {
      return .lost(code: .unavailable, message: "the stream was cut")
    }
    if plan.strikes(.machineTooLarge, &random) { return .machineTooLarge }
    return nil
  }

  private func status(_ codes: [Code], _ random: inout RandomSource) -> ProcessorOutcome {
    let code = random.pick(codes) ?? .unknown
    return .status(
      ProcessorStatus(
        code: code, message: "the processor says \(code)",
        retryDelay: random.chance(0.2) ? random.duration(upTo: 10_000_000) : nil))
  }

  private func answer(_ number: Int, wall: Timestamp, _ random: inout RandomSource)
    -> ProcessorAnswer
  {
    let tag = UInt64(number)
    var answer = ProcessorAnswer(response: Tag.bytes(tag))
    if random.chance(0.2) { return answer }
    if random.chance(world.removal) {
      answer.action.remove = true
      if random.chance(0.5) { return answer }
    }
    switch random.weighted(world.timerWeights) {
    case 1: answer.action.timer = .set(setting(wall: wall, &random))
    case 2: answer.action.timer = .unset
    default: break
    }
    let padding = random.chance(0.2) ? world.padding : 0
    if random.chance(0.3) {
      answer.change.auxState = Content(data: Tag.bytes(tag, padding: padding))
    }
    if random.chance(0.05) { answer.change.auxState = Content(data: []) }
    let isTagged = answer.change.auxState?.isEmpty == false
    let count = random.chance(0.05) ? random.below(30) : random.below(4)
    for _ in 0..<max(count, isTagged ? 0 : 1) {
      answer.change.events.append(Content(data: Tag.bytes(tag, padding: padding)))
    }
    if random.chance(0.1) { answer.change.waitingFor = random.chance(0.3) ? "" : "\(number)" }
    if random.chance(world.sending) { send(in: &answer, number, wall, &random) }
    if random.chance(world.failing) { answer.action.fail = "answer \(number) says so" }
    return answer
  }

  /// Messages to any machine, its own and such as are not there included.
  private func send(
    in answer: inout ProcessorAnswer, _ number: Int, _ wall: Timestamp,
    _ random: inout RandomSource
  ) {
    let names = ["t0", "t1", "t2"]
    if random.chance(0.2) { answer.action.cancelMessages = [random.pick(names) ?? ""] }
    for place in 0..<(1 + random.below(random.chance(0.1) ? 12 : 2)) {
      let args = Tag.bytes(
        Tag.message(place, of: number), padding: random.chance(0.2) ? world.padding : 0)
      let namespace =
        random.chance(0.5) ? "" : random.pick(world.namespaces)?.namespace.name ?? ""
      var message = OutgoingMessage(
        target: MachineID(
          namespace: random.chance(0.02) ? Workload.unknown : namespace,
          id: "m\(random.below(world.identifiers))"),
        kind: random.chance(0.7)
          ? .notify(args: args) : .start(args: args, ignoresExisting: random.chance(0.5)))
      switch random.below(4) {
      case 0: message.when = .delay(microseconds: random.duration(upTo: 20_000_000))
      case 1:
        message.when = .at(wall.advanced(byMicroseconds: random.within(-5_000_000...5_000_000)))
      default: break
      }
      if random.chance(0.3) { message.name = random.pick(names) }
      message.reportsFailure = random.chance(0.4)
      answer.action.send.append(message)
    }
  }

  private func setting(wall: Timestamp, _ random: inout RandomSource) -> TimerSetting {
    var setting = TimerSetting(when: .timeout(microseconds: 0))
    switch random.below(6) {
    case 0: break
    case 1: setting.when = .deadline(wall.advanced(byMicroseconds: -random.within(0...10_000_000)))
    case 2:
      setting.when = .deadline(wall.advanced(byMicroseconds: random.duration(upTo: 30_000_000)))
    case 3: setting.when = .timeout(microseconds: random.within(0...90 * 86_400 * 1_000_000))
    default: setting.when = .timeout(microseconds: random.duration(upTo: 20_000_000))
    }
    if random.chance(0.2) {
      setting.historyRange = HistoryRange(
        after: Int64(random.below(5)), limit: random.chance(0.5) ? Int32(random.below(4)) : nil,
        direction: random.chance(0.5) ? .forward : .backward)
    }
    if random.chance(0.2) { setting.processingTimeout = random.within(5_000...2_000_000) }
    return setting
  }

  /// Breaks a rule that the engine must notice.
  private func spoil(_ answer: inout ProcessorAnswer, _ number: Int, _ random: inout RandomSource) {
    let limits = world.configuration
    let large = Content(
      data: Tag.bytes(UInt64(number), padding: limits.maximumContentBytes))
    let small = Content(data: Tag.bytes(UInt64(number)))
    switch random.below(5) {
    case 0: answer.change.events.append(large)
    case 1: answer.change.auxState = large
    case 2:
      answer.change.events = Array(repeating: small, count: limits.maximumStepEvents + 1)
    case 3:
      answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: -1)))
    default:
      let most = Content(
        data: Tag.bytes(UInt64(number), padding: limits.maximumContentBytes - Tag.size))
      answer.change.events = Array(repeating: most, count: 21)
    }
  }
}
