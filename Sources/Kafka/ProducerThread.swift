import CRdkafka
import Glibc
import Synchronization

/// The thread that takes a producer's events, and at the end destroys it: that may block.
final class ProducerThread: Sendable {
  /// When it has ended.
  let ending: ProducerEnding
  private let work: Work

  /// What somebody asks about a topic.
  private struct Question {
    let topic: String
    let answer: AsyncStream<KafkaTopicState>.Continuation
  }

  /// What runs on it.
  private final class Work: Sendable {
    let handle: ProducerHandle
    let tell: @Sendable (KafkaEvent) -> Void
    let ending = ProducerEnding()
    let isStopped = Atomic(false)
    /// What is asked about topics; nil once nobody answers any more.
    let questions = Mutex<[Question]?>([])

    init(_ handle: ProducerHandle, _ tell: @escaping @Sendable (KafkaEvent) -> Void) {
      self.handle = handle
      self.tell = tell
    }

    func run() {
      if let queue = handle.mainQueue() {
        while !isStopped.load(ordering: .acquiring) {
          takeEvent(from: queue)
          answerQuestions()
        }
        rd_kafka_queue_destroy(queue.pointer)
      }
      let unanswered = questions.withLock { exchange(&$0, with: nil) } ?? []
      for question in unanswered { question.answer.finish() }
      handle.destroy()
      ending.signal()
    }

    private func answerQuestions() {
      guard let client = handle.ownClient else { return }
      let asked = questions.withLock { $0 == nil ? nil : exchange(&$0, with: []) } ?? []
      for question in asked {
        question.answer.yield(client.state(of: question.topic, milliseconds: 2_000))
        question.answer.finish()
      }
    }

    private func takeEvent(from queue: ClientPointer) {
      let milliseconds = Int32(KafkaProducer.quiet / .milliseconds(1))
      guard let event = rd_kafka_queue_poll(queue.pointer, milliseconds) else {
        return tell(.quiet)
      }
      defer { rd_kafka_event_destroy(event) }
      if let event = KafkaEvent(event) { tell(event) }
    }
  }

  /// Starts it. Throws `resources` when the process may not have another thread.
  init(
    _ handle: ProducerHandle, tell: @escaping @Sendable (KafkaEvent) -> Void
  ) throws(KafkaError) {
    work = Work(handle, tell)
    ending = work.ending
    let argument = Unmanaged.passRetained(work)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw KafkaError(.resources, "no new thread: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
  }

  /// What the cluster says of a topic, as soon as the thread is woken; nothing when it ends.
  func ask(_ topic: String) -> AsyncStream<KafkaTopicState> {
    let (answers, answer) = AsyncStream.makeStream(of: KafkaTopicState.self)
    let isAsked = work.questions.withLock { questions in
      questions?.append(Question(topic: topic, answer: answer))
      return questions != nil
    }
    if !isAsked { answer.finish() }
    return answers
  }

  /// Has it end once it is woken. From any thread.
  func stop() { work.isStopped.store(true, ordering: .releasing) }
}

extension KafkaEvent {
  /// Nil = none that was asked for.
  fileprivate init?(_ event: OpaquePointer) {
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_DR:
      var reports: [KafkaReport] = []
      reports.reserveCapacity(rd_kafka_event_message_count(event))
      while let message = rd_kafka_event_message_next(event) {
        let code = KafkaError.Code(message.pointee.err)
        reports.append(
          KafkaReport(
            number: UInt64(UInt(bitPattern: message.pointee._private)),
            error: code.c == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code)))
      }
      self = .reports(reports)
    case RD_KAFKA_EVENT_ERROR:
      self = .failed(
        KafkaError(
          KafkaError.Code(rd_kafka_event_error(event)),
          String(cString: rd_kafka_event_error_string(event)),
          isFatal: rd_kafka_event_error_is_fatal(event) != 0))
    case RD_KAFKA_EVENT_LOG:
      var facility: UnsafePointer<CChar>?
      var text: UnsafePointer<CChar>?
      var level: Int32 = 0
      guard rd_kafka_event_log(event, &facility, &text, &level) == 0, let facility, let text
      else { return nil }
      let line = "\(String(cString: facility)): \(String(cString: text))"
      self = .log(
        KafkaLogLine(level: Int(level), text: String(line.map { $0.isNewline ? " " : $0 })))
    default: return nil
    }
  }
}
