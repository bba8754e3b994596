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

  @Test(
    "who asks travels in ASCII, percent-encoded where the name has other bytes",
    arguments: [
      ("alice", "alice"), ("a b", "a b"), (" a ", "%20a%20"), ("100%", "100%25"),
      ("é", "%C3%A9"), ("e\u{301}", "e%CC%81"), ("uid:0", "uid:0"),
    ])
  func principal(name: String, sent: String) throws {
    let context = CallerContext([.init(name: "x-a", value: "1")], principal: name)
    let call = try #require(
      ProcessorCall(invocation(.signal(.timeout), context: context), limit: .max))
    #expect(call.metadata.text("progressor-principal") == sent)
    // It is not among what is left out for a processor that takes little.
    #expect(call.ownMetadata.text("progressor-principal") == sent)
    #expect(PercentEncoding.decode(sent.utf8).utf8.elementsEqual(name.utf8))
  }

  @Test("nobody names themselves: what a client sends as its principal is not handed on")
  func spoofedPrincipal() throws {
    var sent = Metadata()
    for name in ["progressor-principal", "Progressor-Principal", "progressor-principal-bin"] {
      if name.hasSuffix("-bin") {
        try sent.append(name, binary: [1])
      } else {
        try sent.append(name, text: "admin")
      }
    }
    try sent.append("x-progressor-principal", text: "harmless")
    for principal in [nil, "alice"] {
      let context = CallerContext(sent, principal: principal)
      let call = try #require(
        ProcessorCall(invocation(.signal(.timeout), context: context), limit: .max))
      #expect(
        call.metadata.values("progressor-principal") == principal.map { [.text($0)] } ?? [])
      #expect(call.metadata.values("progressor-principal-bin") == [])
      #expect(call.metadata.text("x-progressor-principal") == "harmless")
    }
  }

  @Test("bytes that a caller sent arrive as the same bytes")
  func binaryMetadata() throws {
    var sent = Metadata()
    try sent.append("x-raw-bin", binary: [0, 255, 1])
    try sent.append("x-raw-bin", binary: [])
    let context = CallerContext(sent, principal: nil)
    let call = try #require(
      ProcessorCall(invocation(.signal(.timeout), context: context), limit: .max))
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
