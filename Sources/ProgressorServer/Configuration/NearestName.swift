/// The name that somebody may have meant who wrote another.
enum NearestName {
  /// No name that is known is as long; longer ones are not compared.
  private static let longest = 64

  /// The known name that takes the fewest letters put in, left out, changed or swapped with their
  /// neighbour, at most a third of the letters; nil = none is so near. Of equally near ones the
  /// first by their bytes.
  static func to(_ name: String, among known: some Sequence<String>) -> String? {
    let letters = Array(name.utf8.prefix(longest + 1))
    guard letters.count <= longest else { return nil }
    let allowed = max(1, letters.count / 3)
    let near = known.map { (distance: distance(letters, Array($0.utf8)), name: $0) }
    return near.filter { $0.distance <= allowed }.min {
      ($0.distance, $0.name) < ($1.distance, $1.name)
    }?.name
  }

  /// The optimal string alignment distance: three rows of the table of Wagner and Fischer.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var before: [Int] = []
    var above = Array(0...right.count)
    for row in 0..<left.count {
      var current = [row + 1]
      for column in 0..<right.count {
        let change = above[column] + (left[row] == right[column] ? 0 : 1)
        var least = min(change, above[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          least = min(least, before[column - 1] + 1)
        }
        current.append(least)
      }
      (before, above) = (above, current)
    }
    return above[right.count]
  }
}
