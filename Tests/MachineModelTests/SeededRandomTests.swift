import MachineModel
import Testing

@Suite("Seeded random numbers")
struct SeededRandomTests {
  @Test("SplitMix64 gives its published first numbers")
  func publishedNumbers() {
    // The reference implementation's output for the seed 1234567.
    var random = SeededRandom(seed: 1_234_567)
    let numbers = (0..<3).map { _ in random.next() }
    #expect(
      numbers == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  @Test("A fraction is the number's upper 53 bits, below 1")
  func fractions() {
    var (numbers, fractions) = (SeededRandom(seed: 7), SeededRandom(seed: 7))
    for _ in 0..<1_000 {
      let fraction = fractions.fraction()
      #expect((0..<1).contains(fraction))
      #expect(fraction == Double(numbers.next() >> 11) / Double(1 << 53))
    }
  }
}
