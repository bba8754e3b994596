import GRPC
import MachineModel
import NIOCore
import ProgressorProto

/// Serves the Processor of orders on the address given as the first argument.
@main
struct OrderProcessor {
  static func main() async throws {
    let service = "/progressor.v1.Processor/"
    var router = Router()
    router.unary(service + "ProcessSignal") { request, responder in
      answer(request, responder) { (message: ProcessSignalRequest) in
        ProcessSignalResponse(answer: try OrderRules.signal(message.signal, message.machine))
      }
    }
    router.unary(service + "ProcessCall") { request, responder in
      answer(request, responder) { (message: ProcessCallRequest) in
        ProcessCallResponse(answer: try OrderRules.call(message.args, message.machine))
      }
    }
    router.unary(service + "ProcessRepair") { request, responder in
      // Somebody looked at a failed order and says how to go on: with nothing changed.
      answer(request, responder) { (_: ProcessRepairRequest) in ProcessRepairResponse() }
    }
    let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 7071
    let server = GRPCServer(router: router)
    try await server.start([.tcp(host: "127.0.0.1", port: port)])
    print("processing orders on 127.0.0.1:\(port)")
    while true { try await Task.sleep(for: .seconds(86_400)) }
  }

  /// Decodes, asks the rules, and answers; a status that they throw goes out as it is.
  private static func answer<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ request: UnaryRequest, _ responder: UnaryResponder, rule: (Request) throws -> Response
  ) {
    do {
      let message = try request.message.withUnsafeReadableBytes { try Request(decoding: $0) }
      responder.respond(ByteBuffer(bytes: try rule(message).encoded()))
    } catch let refusal as RPCStatus {
      responder.fail(refusal)
    } catch {
      // "I am broken": the order stops here until somebody repairs it.
      responder.fail(RPCStatus(code: .internalError, message: "\(error)"))
    }
  }
}
