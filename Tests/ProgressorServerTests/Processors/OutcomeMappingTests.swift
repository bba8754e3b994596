import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto
import Testing

@testable import GRPC
@testable import ProgressorServer

@Suite("What the end of a processor call means")
struct OutcomeMappingTests {
  private func outcome(_ result: UnaryResult) -> ProcessorOutcome {
    let method = ProcessorCall.Method.call
    return OutcomeMapping.outcome(
      of: result, method: method.rawValue,
      decode: { message throws(ProtobufError) in try method.decode(message) })
  }

  @Test("OK with a message is the answer in it")
  func answered() throws {
    let answer = ProcessorAnswer(
      response: [1], change: StateChange(events: [Content(data: [2])]), action: Action(remove: true)
    )
    let message = try #require(ProcessCallResponse(answer: answer).buffer())
    #expect(outcome(.peer(.ok, message: message)) == .answered(answer))
  }

  @Test("an answer that is no message of the contract is unusable, with the field")
  func undecodable() throws {
    guard case .unusable(let text) = outcome(.peer(.ok, message: ByteBuffer(bytes: [0xFF]))) else {
      Issue.record("bytes that are no protobuf cannot be used")
      return
    }
    #expect(text.contains("ProcessCall"))
    #expect(
      outcome(.peer(.ok))
        == .unusable(message: "ProcessCall was answered with OK and without a message"))
  }

  @Test(
    "a status of the processor's own is its word",
    arguments: StatusCode.allCases.filter { $0 != .ok })
  func status(code: StatusCode) throws {
    let info = ErrorInfo(reason: "OUT_OF_STOCK", domain: "shop")
    let detail = AnyMessage(typeURL: ErrorInfo.typeURL, value: info.encoded())
    let rich = RichStatus(code: Int32(code.rawValue), message: "m", details: [detail])
    let status = RPCStatus(code: code, message: "m", details: rich.encoded())
    #expect(
      outcome(.peer(status))
        == .status(
          ProcessorStatus(
            code: Code(code), message: "m", details: [detail.encoded()],
            reasons: ["OUT_OF_STOCK"])))
  }

  @Test("texts of the outside come in fit to keep")
  func texts() {
    let long = "\u{0}" + String(repeating: "я", count: 3_000)
    let kept = "\u{FFFD}" + String(repeating: "я", count: 2_046)
    let detail = AnyMessage(
      typeURL: ErrorInfo.typeURL, value: ErrorInfo(reason: "R", domain: "").encoded())
    let many = RichStatus(
      code: 9, message: "", details: [AnyMessage](repeating: detail, count: 5_700))
    let status = RPCStatus(code: .failedPrecondition, message: long, details: many.encoded())
    guard case .status(let processor) = outcome(.peer(status)) else {
      Issue.record("the code decides")
      return
    }
    #expect(processor.message == kept && processor.code == .failedPrecondition)
    #expect(processor.details.count == 64 && processor.reasons.count == 64)
    let lost = UnaryResult.local(.connectionLost, .unavailable, long, seen: true)
    #expect(outcome(lost) == .lost(code: .unavailable, message: kept))
  }

  @Test("details that cannot be decoded do not hide the status")
  func brokenDetails() {
    let status = RPCStatus(code: .aborted, message: "m", details: [0xFF, 0xFF])
    #expect(outcome(.peer(status)) == .status(ProcessorStatus(code: .aborted, message: "m")))
  }

  @Test(
    "a request that the processor cannot have seen is unreachable",
    arguments: [
      LocalReason.unreachable, .deadline, .connectionLost, .queueFull, .channelClosed, .cancelled,
      .reset(7),
    ])
  func unseen(reason: LocalReason) {
    let result = UnaryResult.local(reason, .unavailable, "why", seen: false)
    #expect(outcome(result) == .unreachable(message: "why"))
  }

  @Test(
    "what our own client made up is lost, never the processor's word",
    arguments: [
      (LocalReason.deadline, StatusCode.deadlineExceeded), (.connectionLost, .unavailable),
      (.channelClosed, .unavailable), (.cancelled, .cancelled), (.reset(2), .internalError),
      (.http(status: 404), .unimplemented), (.http(status: 500), .unknown),
      (.missingStatus, .unknown), (.oversizedMetadata, .resourceExhausted),
    ])
  func seen(reason: LocalReason, code: StatusCode) {
    let result = UnaryResult.local(reason, code, "why", seen: true)
    #expect(outcome(result) == .lost(code: Code(code), message: "why"))
  }

  @Test(
    "an answer that breaks the rules is unusable, with a text for the processor's author",
    arguments: [
      LocalReason.missingMessage, .tooManyMessages, .oversizedMessage, .undecodable,
    ])
  func unusable(reason: LocalReason) {
    let result = UnaryResult.local(reason, .internalError, "why", seen: true)
    guard case .unusable(let text) = outcome(result) else {
      Issue.record("\(reason) cannot be used")
      return
    }
    #expect(text.contains("ProcessCall"))
  }

  @Test("a request that cannot be sent is no machine's fault: its metadata are the caller's")
  func unsendable() {
    let result = UnaryResult.local(.unsendable, .resourceExhausted, "why", seen: false)
    #expect(outcome(result) == .lost(code: .resourceExhausted, message: "why"))
  }

  @Test("an answer for which this side has no memory costs no attempt")
  func overloaded() {
    let result = UnaryResult.local(.overloaded, .resourceExhausted, "why", seen: true)
    #expect(outcome(result) == .unreachable(message: "why"))
  }
}
