import GRPC
import MachineModel
import ProgressorEngine
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Invocations on the wire")
struct ProcessorCallTests {
  private func invocation(
    _ stimulus: Invocation.Stimulus, context: CallerContext = CallerContext(), auxBytes: Int = 0
  ) -> Invocation {
    Invocation(
      step: StepID(1), attempt: 2, namespace: NamespaceNumber(1), stimulus: stimulus,
      machine: Machine(
        machineID: MachineID(namespace: "n", id: "a"),
        auxState: Content(formatVersion: 1, data: [UInt8](repeating: 1, count: auxBytes)),
        createdAt: Timestamp(microseconds: 1)),
      stepToken: "token", epoch: 9, deadline: 100, timeout: 50, context: context,
      waitsForEndpoint: true)
  }

  @Test("each stimulus is a method of Processor")
  func methods() throws {
    let signal = try #require(ProcessorCall(invocation(.signal(.timeout)), limit: .max))
    #expect(signal.path == "/progressor.v1.Processor/ProcessSignal")
    #expect(try ProcessSignalRequest(decoding: signal.message).signal == .timeout)
    let call = try #require(ProcessorCall(invocation(.call(args: [1], key: "k")), limit: .max))
    #expect(call.path == "/progressor.v1.Processor/ProcessCall")
    let request = try ProcessCallRequest(decoding: call.message)
    #expect(request.args == [1])
    #expect(request.idempotencyKey == "k")
    #expect(request.machine.machineID.id == "a")
    let repair = try #require(ProcessorCall(invocation(.repair(args: [2], key: nil)), limit: .max))
    #expect(repair.path == "/progressor.v1.Processor/ProcessRepair")
    #expect(try ProcessRepairRequest(decoding: repair.message).args == [2])
  }

  @Test("step, attempt, epoch and the caller's context travel as metadata")
  func metadata() throws {
    let context = CallerContext([
      .init(name: "x-tenant", value: "t"), .init(name: "traceparent", value: "00-1"),
    ])
    let call = try #require(
      ProcessorCall(invocation(.signal(.timeout), context: context), limit: .max))
    #expect(
      call.metadata.entries.map(\.name) == [
        "progressor-step", "progressor-attempt", "progressor-epoch", "x-tenant", "traceparent",
      ])
    #expect(call.metadata.text("progressor-step") == "token")
    #expect(call.metadata.text("progressor-attempt") == "2")
    #expect(call.metadata.text("progressor-epoch") == "9")
    #expect(call.metadata.text("x-tenant") == "t")
  }

  @Test("bytes that a caller sent arrive as the same bytes")
  func binaryMetadata() throws {
    var sent = Metadata()
    try sent.append("x-raw-bin", binary: [0, 255, 1])
    try sent.append("x-raw-bin", binary: [])
    let call = try #require(
      ProcessorCall(invocation(.signal(.timeout), context: CallerContext(sent)), limit: .max))
    #expect(call.metadata.values("x-raw-bin") == [.binary([0, 255, 1]), .binary([])])
  }

  @Test("a machine up to the message limit is sent, one byte more is not")
  func limit() throws {
    let call = try #require(
      ProcessorCall(invocation(.signal(.timeout), auxBytes: 1_000), limit: .max))
    let size = call.message.readableBytes
    #expect(ProcessorCall(invocation(.signal(.timeout), auxBytes: 1_000), limit: size) != nil)
    #expect(ProcessorCall(invocation(.signal(.timeout), auxBytes: 1_000), limit: size - 1) == nil)
  }
}
