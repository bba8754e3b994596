import MachineModel
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("Places of calls that wait")
struct WaitPlacesTests {
  @Test("there are so many, and who leaves makes room")
  func limit() throws {
    let places = WaitPlaces(maximum: 2)
    let first = try places.enter { _ in }
    _ = try places.enter { _ in }
    #expect(throws: ProgressorError.self) { try places.enter { _ in } }
    #expect(places.statistics.used == 2 && places.statistics.refused == 1)
    places.leave(first)
    places.leave(first)
    #expect(places.statistics.used == 1)
    _ = try places.enter { _ in }
  }

  @Test("when the server stops each is ended, and nobody comes any more")
  func stop() throws {
    let places = WaitPlaces(maximum: 10)
    let ended = Mutex<[ProgressorError]>([])
    let left = try places.enter { error in ended.withLock { $0.append(error) } }
    for _ in 0..<3 { _ = try places.enter { error in ended.withLock { $0.append(error) } } }
    places.leave(left)
    places.stop()
    let errors = ended.withLock { $0 }
    #expect(errors.count == 3)
    #expect(errors.allSatisfy { $0.reason == .notOwner && $0.metadata["happened"] == "nothing" })
    let late = #expect(throws: ProgressorError.self) { try places.enter { _ in } }
    #expect(late?.reason == .notOwner && places.statistics.refused == 0)
  }

  @Test("nothing that ended is held")
  func released() throws {
    final class Call: Sendable {}
    let places = WaitPlaces(maximum: 1)
    weak var call: Call?
    do {
      let strong = Call()
      call = strong
      let place = try places.enter { _ in withExtendedLifetime(strong) {} }
      places.leave(place)
    }
    #expect(call == nil)
  }
}
