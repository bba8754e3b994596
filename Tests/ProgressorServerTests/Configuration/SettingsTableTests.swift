import ProgressorServer
import Testing

@Suite("The table of settings")
struct SettingsTableTests {
  private let lines = SettingsTable.markdown().split(separator: "\n")

  @Test(
    "each setting has one line, with its variable, its default and what it means",
    arguments: Setting.all)
  func settings(setting: Setting) throws {
    let rows = lines.filter { $0.hasPrefix("| `\(setting.key)` |") }
    let row = try #require(rows.first)
    #expect(rows.count == 1)
    #expect(row.contains("`\(setting.environmentVariable)`"))
    #expect(row.contains(setting.meaning))
    #expect(setting.defaultText.isEmpty || row.contains("`\(setting.defaultText)`"))
  }

  @Test("each key of a namespace has one line", arguments: NamespaceSetting.all)
  func namespaceSettings(setting: NamespaceSetting) {
    #expect(lines.filter { $0.hasPrefix("| `\(setting.key)` |") }.count == 1)
  }

  @Test("no variable is one that Kubernetes sets for a service called progressor")
  func kubernetes() {
    for setting in Setting.all {
      #expect(!setting.environmentVariable.hasPrefix("PROGRESSOR_PORT"))
      #expect(!setting.environmentVariable.hasPrefix("PROGRESSOR_SERVICE_"))
    }
  }
}
