import Foundation
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

/// A column without the way in which its values are made.
private struct ColumnDeclaration: Hashable {
  var name: String
  var type: SQLType
}

extension RowKind {
  fileprivate static var declaration: [ColumnDeclaration] {
    columns.map { ColumnDeclaration(name: $0.name, type: $0.type) }
  }
}

/// What a set-based statement says that it takes.
private struct DeclaredRows {
  /// The names that it gives the arrays, and the types to which it casts them.
  let columns: [ColumnDeclaration]
  /// The numbers of the parameters, in order.
  let numbers: [Int]
  /// The columns of each INSERT that takes them by position.
  let insertions: [[String]]

  init?(_ sql: String) {
    guard
      let unnest = sql.firstMatch(
        of: #/unnest\(\s*([^()]*?)\)\s*(WITH ORDINALITY\s+)?(?:AS\s+\w+\s*\(([^)]*)\))?/#)
    else { return nil }
    let casts = unnest.1.matches(of: #/\$(\d+)::(\w+)\[\]/#)
    guard casts.count == Self.list(unnest.1).count else { return nil }
    numbers = casts.compactMap { Int($0.1) }
    insertions = sql.matches(of: #/INSERT INTO \w+ \(([^)]*)\)\s*SELECT\s[^;]*?\*\s+FROM/#).map {
      Self.list($0.1)
    }
    // Without names of their own the arrays have those of the columns that they are inserted into.
    var names = unnest.3.map { Self.list($0) } ?? insertions.first ?? []
    // The last one is the place in the arrays.
    if unnest.2 != nil { names = names.dropLast() }
    let types = casts.compactMap { Self.types[String($0.2)] }
    guard names.count == types.count, types.count == casts.count else { return nil }
    columns = zip(names, types).map { ColumnDeclaration(name: $0, type: $1) }
  }

  private static func list(_ text: Substring) -> [String] {
    text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
  }

  private static let types = [
    "int": SQLType.int4, "bigint": .int8, "text": .text, "bytea": .bytea, "bool": .bool,
    "timestamptz": .timestamptz,
  ]
}

@Suite("Kinds of rows")
struct RowKindTests {
  @Test("Each statement takes the columns that its kind writes, in this order, with these types")
  func columns() throws {
    for kind in RowWrite.Kind.allCases.map(\.rows) {
      let (statement, declaration) = (kind.statement, kind.declaration)
      let name = statement.name
      let declared = try #require(DeclaredRows(statement.sql), "\(name) declares no columns")
      #expect(declared.columns == declaration, "\(name)")
      #expect(declared.numbers == Array(1...declared.columns.count), "\(name)")
      for insertion in declared.insertions {
        #expect(insertion == declaration.map(\.name), "\(name)")
      }
    }
  }

  @Test("Every statement that writes the rows of a batch is a kind, once")
  func complete() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Sources/ProgressorStorage/SQL").standardized
    let names = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).filter {
      guard $0.lastPathComponent.hasPrefix("commit_") else { return false }
      let sql = try String(contentsOf: $0, encoding: .utf8)
      // What only locks rows writes none.
      return sql.contains("unnest(") && !sql.contains("FOR NO KEY UPDATE")
    }.map { $0.deletingPathExtension().lastPathComponent }
    let kinds = RowWrite.Kind.allCases.map { kind in kind.rows.statement.name }
    #expect(kinds.sorted() == names.sorted())
  }

  @Test("A difference is noticed: another order, another type, a column too few")
  func differences() throws {
    let sql = NotificationReschedules.statement.sql
    let right = NotificationReschedules.declaration
    #expect(DeclaredRows(sql)?.columns == right)
    for (part, other) in [
      ("code, message)", "message, code)"), ("$5::timestamptz[]", "$5::text[]"),
      ("sequence, attempt", "sequence"), ("$4::int[], ", ""),
    ] {
      #expect(sql.contains(part))
      #expect(DeclaredRows(sql.replacing(part, with: other))?.columns != right, "\(other)")
    }
    let swapped = sql.replacing("$6::int[], $7::text[]", with: "$7::int[], $6::text[]")
    #expect(DeclaredRows(swapped)?.numbers != Array(1...right.count))
  }
}
