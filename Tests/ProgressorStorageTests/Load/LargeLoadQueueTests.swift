import ProgressorEngine
import Testing

@testable import ProgressorStorage

@Suite("Large loads that wait")
struct LargeLoadQueueTests {
  private func item(_ number: Int64, until deadline: Int64) -> MachineLoader.Item {
    let machine = TestMachine("m\(number)", key: number)
    return MachineLoader.Item(
      request: LoadRequest(
        id: LoadID(UInt64(number)), shard: machine.shard, namespace: machine.namespace,
        machine: machine.machine, row: true), deadline: deadline)
  }

  private func numbers(_ items: [MachineLoader.Item]) -> [UInt64] {
    items.map { $0.request.id.number }
  }

  @Test("A few are read in turns, the others in their order when one has ended")
  func turns() {
    var queue = LargeLoadQueue(capacity: 10)
    queue.append((1...6).map { item($0, until: 100) })
    var order: [UInt64] = []
    while let load = queue.next() {
      order.append(load.item.request.id.number)
      // The first one has three pieces, the others one.
      if load.item.request.id.number == 1, order.count(where: { $0 == 1 }) < 3 {
        queue.giveBack(load)
      }
    }
    #expect(order == [1, 2, 3, 4, 1, 5, 6, 1])
    #expect(queue.isEmpty)
  }

  @Test("One whose deadline has passed is answered before the others have ended, begun or not")
  func late() {
    var queue = LargeLoadQueue(capacity: 10)
    queue.append((1...7).map { item($0, until: $0 * 10) })
    #expect(queue.next().map { queue.giveBack($0) } != nil)
    #expect(numbers(queue.takeLate(at: 9)) == [])
    #expect(numbers(queue.takeLate(at: 20)).sorted() == [1, 2])
    #expect(queue.room == 10 - 3)
    // Their places are free.
    #expect(queue.next()?.item.request.id.number == 3)
    #expect(queue.room == 10 - 1)
    #expect(numbers(queue.takeLate(at: 70)).sorted() == [4, 5, 6, 7])
    #expect(queue.isEmpty)
  }
}
