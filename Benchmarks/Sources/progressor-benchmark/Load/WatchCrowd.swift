import GRPC
import Logging
import MachineModel
import NIOCore
import ProgressorProto

/// Watches of many machines, over as many connections as they take.
final class WatchCrowd: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on `loop` only.

  private let loop: any EventLoop
  private let machines: [MachineID]
  private let channels: [GRPCChannel]
  /// Succeeds when each watch has shown its machine.
  private let opened: EventLoopPromise<Void>
  private var calls: [StreamingCall] = []
  private var shown = 0
  private var isClosing = false
  private var lost = 0

  /// Below what a server allows a connection, and a channel itself.
  private static let watchesPerConnection = 500

  init(port: Int, machines: [MachineID], on thread: LoopThread) {
    self.machines = machines
    loop = thread.eventLoop
    opened = thread.eventLoop.makePromise()
    let count = (machines.count + Self.watchesPerConnection - 1) / Self.watchesPerConnection
    channels = (0..<count).map { _ in
      GRPCChannel(
        target: ChannelTarget(.host("127.0.0.1", port: port)), eventLoop: thread.eventLoop,
        logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
    }
  }

  /// Opens all of them and waits until each has shown its machine, for 60 s at the most.
  func open() async throws {
    loop.execute { for number in self.machines.indices { self.watch(number) } }
    let timer = loop.scheduleTask(in: .seconds(60)) {
      self.opened.fail(BenchmarkError("only \(self.shown) watches have shown their machines"))
    }
    try await opened.futureResult.get()
    timer.cancel()
  }

  /// Ends all of them; answers how many had ended by themselves.
  func close() async throws -> Int {
    let lost = try await loop.submit {
      self.isClosing = true
      for call in self.calls { call.cancel() }
      return self.lost
    }.get()
    for channel in channels { try await channel.closeNow().get() }
    return lost
  }

  private func watch(_ number: Int) {
    let machine = machines[number]
    let call = channels[number / Self.watchesPerConnection].stream(
      path: RequestPhases.service + "Watch", deadline: nil,
      events: StreamingCall.Events(
        message: { message, _ in self.receive(message) }, end: { self.end($0.status) }))
    // The events of the start are known: nothing is sent but the machine.
    call.send(ByteBuffer(bytes: WatchRequest(machineID: machine, afterEventID: 1).encoded()))
    call.finishSending()
    calls.append(call)
  }

  private func receive(_ message: ByteBuffer) {
    let response = message.withUnsafeReadableBytes { try? WatchResponse(decoding: $0) }
    guard case .machine = response else { return }
    shown += 1
    if shown == machines.count { opened.succeed() }
  }

  private func end(_ status: RPCStatus) {
    guard !isClosing else { return }
    lost += 1
    opened.fail(BenchmarkError("a watch ended: \(status.code.name) \(status.message)"))
  }
}
