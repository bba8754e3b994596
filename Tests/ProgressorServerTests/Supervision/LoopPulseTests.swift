import Dispatch
import NIOPosix
import Testing

@testable import ProgressorServer

@Suite("The pulse of event loops")
struct LoopPulseTests {
  @Test("It beats again when every loop has taken a turn, and not before")
  func beats() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let loops = Array(group.makeIterator())
    let pulse = LoopPulse()
    #expect(pulse.beats(in: loops))
    for loop in loops { try await loop.submit {}.get() }
    let gate = DispatchSemaphore(value: 0)
    // It stands still until the gate opens.
    loops[1].execute { gate.wait() }
    #expect(pulse.beats(in: loops))
    try await loops[0].submit {}.get()
    #expect(!pulse.beats(in: loops))
    gate.signal()
    try await loops[1].submit {}.get()
    #expect(pulse.beats(in: loops))
    for loop in loops { try await loop.submit {}.get() }
    try await group.shutdownGracefully()
  }
}
