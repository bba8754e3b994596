import MachineModel

/// The simulation's only source of chance. The same seed gives the same run on every machine and in
/// every process.
struct RandomSource: RandomNumberGenerator, Sendable {
  private var numbers: SeededRandom

  init(seed: UInt64) { numbers = SeededRandom(seed: seed) }

  /// A source of its own for one thing of a run, named by two numbers.
  init(seed: UInt64, _ first: UInt64, _ second: UInt64) {
    var mixer = SeededRandom(seed: seed ^ first &* 0xd6e8_feb8_6659_fd93)
    var second = SeededRandom(seed: mixer.next() ^ second &* 0xa076_1d64_78bd_642f)
    numbers = SeededRandom(seed: second.next())
  }

  mutating func next() -> UInt64 { numbers.next() }

  /// 0 ..< 1.
  mutating func fraction() -> Double { numbers.fraction() }

  /// True with this probability. Draws also for 0 and 1, so that a changed rate shifts nothing
  /// else.
  mutating func chance(_ probability: Double) -> Bool { fraction() < probability }

  /// 0 ..< `bound`, 0 when the bound is not positive. The bias of the multiplication is below 2⁻³².
  mutating func below(_ bound: Int) -> Int {
    let product = next().multipliedFullWidth(by: UInt64(max(bound, 1)))
    return Int(product.high)
  }

  mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(below(Int(range.upperBound - range.lowerBound) + 1))
  }

  /// A duration whose order of magnitude is drawn first: short ones are as usual as long ones.
  mutating func duration(upTo maximum: Int64) -> Int64 {
    var bound: Int64 = 10
    let magnitudes = below(12)
    for _ in 0..<magnitudes where bound < maximum { bound *= 10 }
    return within(0...min(bound, maximum))
  }

  /// One of the elements, nil of none.
  mutating func pick<Element>(_ elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[below(elements.count)]
  }

  /// An index, each with the probability of its weight.
  mutating func weighted(_ weights: [Int]) -> Int {
    var rest = below(weights.reduce(0, +))
    for (index, weight) in weights.enumerated() {
      if rest < weight { return index }
      rest -= weight
    }
    return weights.count - 1
  }
}
