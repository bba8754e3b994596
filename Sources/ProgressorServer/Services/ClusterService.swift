import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import ProgressorStorage
import Synchronization

/// `progressor.v1.Cluster`: the nodes and their database, as the rows have them.
struct ClusterService: Sendable {
  /// The name under which health and reflection know it.
  static let name = "progressor.v1.Cluster"

  let storage: Storage
  private let underWay = UnderWay()

  /// The watchdog asks by the same way, and is not kept waiting for longer than these take.
  static let maximumUnderWay = 8

  init(storage: Storage) { self.storage = storage }

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    router.unary("/\(ClusterService.name)/Status") { request, responder in
      do throws(ProgressorError) {
        _ = try ClusterStatusRequest.decode(request.message)
        // It is about what all namespaces share.
        guard CallerAccess(request).allowsEverything else { throw .notAllowed }
        guard underWay.begin() else { throw .overloaded("too many ask for the cluster's status") }
      } catch {
        responder.fail(RPCStatus(error))
        return
      }
      // A task per call will do for what operators do now and then.
      Task {
        defer { underWay.end() }
        do throws(ProgressorError) {
          let state = try await storage.clusterState()
          responder.respond(ClusterStatusResponse(state: state).buffer() ?? ByteBuffer())
        } catch {
          responder.fail(RPCStatus(error))
        }
      }
    }
  }
}

/// How many requests are under way.
private final class UnderWay: Sendable {
  private let count = Atomic<Int>(0)

  /// False when there are too many.
  func begin() -> Bool {
    if count.wrappingAdd(1, ordering: .relaxed).newValue <= ClusterService.maximumUnderWay {
      return true
    }
    end()
    return false
  }

  func end() { count.wrappingSubtract(1, ordering: .relaxed) }
}
