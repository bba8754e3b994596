import ProgressorAccess
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Methods and roles")
struct MethodAccessTests {
  @Test("Every method that is served has a line that says what it asks, and no other has one")
  func complete() {
    let served = ReflectionIndex(services: Backend.services).methods
    #expect(served.contains("progressor.v1.Automaton/Start") && served.count > 20)
    #expect(MethodAccess.all.map(\.method.text) == served)
    for method in served { #expect(MethodAccess.of(path: "/" + method) != nil, "\(method)") }
  }

  @Test("Only health and reflection are open")
  func open() {
    for (method, access) in MethodAccess.all where access == .open {
      #expect(method.text.hasPrefix("grpc.health.") || method.text.hasPrefix("grpc.reflection."))
    }
  }
}
