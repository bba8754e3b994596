import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("RemovalQueue")
struct RemovalQueueTests {
  @Test("First in, first out, each element once, wherever others were taken out")
  func order() {
    var queue = RemovalQueue<Int>()
    for number in [1, 2, 3, 2, 4] { queue.append(number) }
    queue.prepend(0)
    queue.prepend(3)
    #expect(queue.elements == [0, 1, 2, 3, 4] && queue.count == 5)
    #expect(queue.remove(2) && !queue.remove(2) && !queue.contains(2))
    #expect(queue.remove(0) && queue.first == 1)
    queue.append(2)
    #expect((0..<4).map { _ in queue.popFirst() } == [1, 3, 4, 2])
    #expect(queue.isEmpty && queue.popFirst() == nil && queue.first == nil)
  }

  @Test("It does as an array does, and its gaps are never the larger part for long")
  func model() {
    var queue = RemovalQueue<Int>()
    var model: [Int] = []
    var generator = SeededRandom(seed: 7)
    let visits = Visits.count {
      for step in 0..<20_000 {
        let number = Int(generator.fraction() * 500)
        switch Int(generator.fraction() * 4) {
        case 0 where !model.contains(number):
          queue.prepend(number)
          model.insert(number, at: 0)
        case 1:
          #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
        case 2:
          #expect(queue.remove(number) == model.contains(number))
          model.removeAll { $0 == number }
        default:
          queue.append(number)
          if !model.contains(number) { model.append(number) }
        }
        if step.isMultiple(of: 1_000) { #expect(queue.first == model.first) }
        #expect(queue.count == model.count)
      }
    }
    #expect(queue.takeAll() == model && queue.isEmpty)
    #expect(visits < 4 * 20_000)
  }
}
