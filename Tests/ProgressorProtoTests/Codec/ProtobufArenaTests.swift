import Testing

@testable import ProgressorProto

@Suite struct ProtobufArenaTests {
  @Test(
    "Memory is aligned for every C type and does not overlap",
    arguments: [1, 15, 16, 4_000, 70_000])
  func alignment(size: Int) {
    ProtobufArena.withArena { arena in
      var ranges: [Range<UInt>] = []
      for _ in 0..<100 {
        let start = UInt(bitPattern: arena.allocate(size))
        #expect(start.isMultiple(of: 16))
        ranges.append(start..<(start + UInt(size)))
      }
      ranges.sort { $0.lowerBound < $1.lowerBound }
      for (one, next) in zip(ranges, ranges.dropFirst()) {
        #expect(one.upperBound <= next.lowerBound)
      }
    }
  }

  @Test("Past its budget the arena gives out nothing and says so")
  func budget() {
    ProtobufArena.withArena(budget: 1_000) { arena in
      let first = (memory: arena.allocate(600), isExhausted: arena.isExhausted)
      #expect(first.memory != nil)
      #expect(!first.isExhausted)
      let second = (memory: arena.allocate(600), isExhausted: arena.isExhausted)
      #expect(second.memory == nil)
      #expect(second.isExhausted)
    }
  }

  @Test("The budget never overflows, and never refuses a payload for its size alone")
  func budgetOfSizes() {
    #expect(DecodingBudget.request.bytes(forMessageOf: 0) == DecodingBudget.base)
    #expect(DecodingBudget.request.bytes(forMessageOf: 100) == 6_400 + DecodingBudget.base)
    #expect(
      DecodingBudget.request.bytes(forMessageOf: 16 << 20) == (64 << 20) + DecodingBudget.base)
    #expect(DecodingBudget.request.bytes(forMessageOf: .max) == .max)
  }
}
