import MachineModel
import NIOCore
import ProgressorProto

/// The gRPC layer alone: the generator calls the processor, with nobody in between. What it reaches
/// is what the load generator can do at most.
struct EchoPhases: Sendable {
  let stage: Stage

  func calls(_ name: String, callers: Int) async throws -> Measurement {
    let machine = Machine(
      machineID: MachineID(namespace: Names.namespace, id: "echo"), lastEventID: 1,
      createdAt: .now)
    let request = ByteBuffer(
      bytes: ProcessCallRequest(args: [Wish.echo], machine: machine).encoded())
    return try await stage.measure(
      group: Group.gRPC, name: name, unit: .query, callers: callers,
      path: BenchmarkProcessor.callPath
    ) { _, _ in request }
  }
}
